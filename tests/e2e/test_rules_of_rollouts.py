"""Each of Kruise's rules for Rollouts, asked of a real API server with the shipped definition and webhooks, in both
versions of the API. Nothing is stored but the one Rollout whose release is under way.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from support.guarded import guarded_world
from support.releases import OLD_ROLLOUTS
from support.rollout_rules import BAD, BAD_BEFORE, CHANGES, GOOD, STEPS

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_demo.scenario import kubectl
from tidegate_rollout_operator.conversion import FORMER, ORIGIN, converted
from tidegate_rollout_operator.kruise import ROLLOUTS
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
NAMESPACE = "default"
UNDER_WAY = "under-way"
"""The Rollout whose release is under way, and its namespace: two of one namespace may not have one workload."""


class Server:
    """The API server, asked whether it would store something."""

    def __init__(self, client: KubernetesClient) -> None:
        self.client = client

    async def refusal(self, spec: dict[str, Any], resource: Resource) -> str:
        """Why a new Rollout is refused; empty where it isn't."""
        try:
            await self.client.create(resource, NAMESPACE, document(spec, resource), dry_run=True)
        except Permanent as error:
            return error.reason
        return ""

    async def refusal_of_change(self, spec: dict[str, Any], resource: Resource) -> str:
        body = document(spec, resource)
        annotations = body["metadata"].get("annotations", {})
        patch = [
            {"op": "replace", "path": "/spec", "value": body["spec"]},
            {"op": "add", "path": "/metadata/annotations", "value": annotations},
        ]
        try:
            await self.client.patch(resource, UNDER_WAY, UNDER_WAY, patch, style=PatchStyle.JSON, dry_run=True)
        except Permanent as error:
            return error.reason
        return ""


def document(spec: dict[str, Any], resource: Resource, name: str = "asked") -> dict[str, Any]:
    made = {"apiVersion": ROLLOUTS.api_version, "kind": "Rollout", "metadata": {"name": name}, "spec": spec}
    if resource == ROLLOUTS:
        return made
    former = converted(made, FORMER)
    former["metadata"].get("annotations", {}).pop(ORIGIN, None)
    return former


def in_former(cases: dict[str, Any]) -> list[str]:
    """Those that v1alpha1 has words for."""
    specs = {name: case if isinstance(case, dict) else case[0] for name, case in cases.items()}
    return [name for name, spec in specs.items() if _said(spec) == spec]


def _said(spec: dict[str, Any]) -> dict[str, Any]:
    """What is left of a spec that v1alpha1 has said, without the default that it spells out."""
    found: dict[str, Any] = converted(document(spec, OLD_ROLLOUTS), ROLLOUTS.api_version)["spec"]
    block = found["strategy"].get("canary", {})
    if block.get("enableExtraWorkloadForCanary") is False:
        del block["enableExtraWorkloadForCanary"]
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(own_bare_sandbox: SandboxState, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    services = ("workload-controller", "rollout-operator")
    kubeconfig = str(own_bare_sandbox.kubeconfig_directory / "admin.yaml")
    async with (
        guarded_world(own_bare_sandbox, tmp_path_factory.mktemp("rules"), services) as world,
        await KubernetesClient.connect(kubeconfig, field_manager="a-user") as client,
    ):
        await world.trusted("customresourcedefinition", ROLLOUTS.qualified_plural)
        await world.trusted("validatingwebhookconfiguration", "tidegate-rollouts")
        await kubectl(own_bare_sandbox, "create", "namespace", UNDER_WAY)
        await _put_under_way(client)
        yield Server(client)


async def _put_under_way(client: KubernetesClient) -> None:
    """As Kruise's own controller left it, so that the operator leaves it there."""
    await client.create(ROLLOUTS, UNDER_WAY, document(STEPS, ROLLOUTS, UNDER_WAY))
    status = {"status": {"phase": "Progressing", "message": "", "currentStepIndex": 0, "currentStepState": ""}}
    await client.patch(ROLLOUTS, UNDER_WAY, UNDER_WAY, status, style=PatchStyle.MERGE, subresource="status")


@pytest.mark.parametrize("name", GOOD)
async def test_what_kruise_accepts_is_stored(server: Server, name: str) -> None:
    assert await server.refusal(GOOD[name], ROLLOUTS) == ""


@pytest.mark.parametrize("name", in_former(GOOD))
async def test_what_kruise_accepts_is_stored_in_v1alpha1(server: Server, name: str) -> None:
    assert await server.refusal(GOOD[name], OLD_ROLLOUTS) == ""


@pytest.mark.parametrize("name", BAD)
async def test_a_fault_is_refused_with_its_field(server: Server, name: str) -> None:
    given, field = BAD[name]
    assert field in await server.refusal(given, ROLLOUTS)


@pytest.mark.parametrize("name", in_former(BAD))
async def test_a_fault_is_refused_in_v1alpha1(server: Server, name: str) -> None:
    assert await server.refusal(BAD[name][0], OLD_ROLLOUTS)


@pytest.mark.parametrize("name", BAD_BEFORE)
async def test_v1alpha1_has_rules_of_its_own(server: Server, name: str) -> None:
    given, field = BAD_BEFORE[name]
    assert field in await server.refusal(given, OLD_ROLLOUTS)
    assert await server.refusal(given, ROLLOUTS) == ""


@pytest.mark.parametrize("name", CHANGES)
async def test_what_a_release_stands_on_is_fixed(server: Server, name: str) -> None:
    given, field = CHANGES[name]
    assert field in await server.refusal_of_change(given, ROLLOUTS)


@pytest.mark.parametrize("name", in_former(CHANGES))
async def test_what_a_release_stands_on_is_fixed_in_v1alpha1_but_for_the_number_of_steps(
    server: Server, name: str
) -> None:
    given, field = CHANGES[name]
    refused = await server.refusal_of_change(given, OLD_ROLLOUTS)
    assert (field in refused) is not field.endswith(".steps"), refused
