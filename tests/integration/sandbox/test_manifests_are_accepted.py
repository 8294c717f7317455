"""A real API server takes every object that is installed, by manifests or by the chart: strictly, as a dry run."""

from pathlib import Path

import pytest
import yaml
from support.sandbox import kubectl

from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).parents[3]
KUBERNETES = ROOT / "deploy" / "kubernetes"
CHART = ROOT / "tests" / "contract" / "deployment" / "chart" / "everything.yaml"
NOT_SERVED = ("cert-manager.io/v1", "monitoring.coreos.com/v1")
"""Of operators that no sandbox has."""

JOB_NAMESPACES = ("shop", "pay")
"""In which the rendered chart lets Jobs run: a dry run makes none."""

STRICTLY = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-")


def test_the_manifests_are_accepted(sandbox: SandboxState) -> None:
    texts = [path.read_text() for path in sorted(KUBERNETES.rglob("*.yaml"))]
    told = kubectl(sandbox, *STRICTLY, manifest="\n---\n".join(texts))
    for name in ("deployment.apps/orchestrator", "job.batch/topology", "job.batch/give-back-workload-controller"):
        assert f"{name} serverside-applied (server dry run)" in told


def test_everything_that_the_chart_can_make_is_accepted(sandbox: SandboxState) -> None:
    made = [each for each in yaml.safe_load_all(CHART.read_text()) if each and each["apiVersion"] not in NOT_SERVED]
    named = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in JOB_NAMESPACES]
    kubectl(sandbox, "apply", "-f", "-", manifest=yaml.safe_dump_all(named))
    told = kubectl(sandbox, *STRICTLY, manifest=yaml.safe_dump_all(made))
    assert told.count("(server dry run)") == len(made)
    assert "networkpolicy.networking.k8s.io/tidegate-webhooks" in told
