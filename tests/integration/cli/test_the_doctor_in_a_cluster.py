"""`tidegate doctor --kubeconfig` on a real API server: as an administrator, as a service, with a right missing."""

import os
from typing import Any

import pytest
from tidegate_command import in_a_process

from tidegate_cli import doctor_kubernetes
from tidegate_cli.kubernetes_rights import RIGHTS, Right
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox


async def examined(sandbox: SandboxState, user: str) -> dict[str, list[dict[str, Any]]]:
    environment = os.environ | {
        "TIDEGATE_NATS_URL": sandbox.nats_url,
        "TIDEGATE_NATS_USER": "operator",
        "TIDEGATE_NATS_PASSWORD": sandbox.nats_passwords["operator"],
        "TIDEGATE_KUBECONFIG": str(sandbox.kubeconfig_directory / f"{user}.yaml"),
    }
    ended = await in_a_process(("doctor", "-o", "json"), environment, "")
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in ended.json["findings"]:
        found.setdefault(finding["about"], []).append(finding)
    return found


async def test_an_administrator_hears_of_every_services_rights(sandbox: SandboxState) -> None:
    found = await examined(sandbox, "admin")
    assert [finding["state"] for finding in found["Kubernetes"]] == ["good"]
    assert [finding["state"] for finding in found["Gateway API"]] == ["good"]
    for service in ("workload-controller", "traffic-shifter", "rollout-operator"):
        assert {finding["state"] for finding in found[f"{service} rights"]} == {"good"}


async def test_a_service_hears_of_its_own_rights(sandbox: SandboxState) -> None:
    found = await examined(sandbox, "traffic-shifter")
    assert {finding["state"] for finding in found["traffic-shifter rights"]} == {"good"}
    assert "workload-controller rights" not in found


async def test_a_missing_right_is_named(sandbox: SandboxState, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Right("traffic-shifter", "", "secrets", ("get", "list"))
    monkeypatch.setattr(doctor_kubernetes, "RIGHTS", (*RIGHTS, wanted))
    kubeconfig = str(sandbox.kubeconfig_directory / "admin.yaml")
    found = [finding async for finding in doctor_kubernetes.examine(kubeconfig, "default")]
    (fault,) = [finding for finding in found if finding.state == "fault"]
    assert fault.about == "traffic-shifter rights"
    assert fault.detail == "may not get, list secrets in default"
    assert "deploy/kubernetes" in fault.remedy
