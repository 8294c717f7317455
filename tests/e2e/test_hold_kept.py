"""A GitOps tool writes the user's own strategy on a held workload, again and again: the hold stays on.

The webhook is the shipped configuration, asked by a real API server; what applies is the real kubectl. Put back only
afterwards, the native controller would have gone on by a few pods each time.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.guarded import REPLICAS, guarded_world
from support.kinds import DEPLOYMENT, STATEFUL_SET, Kind
from support.witness import Witness
from support.workloads import observed

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_contracts.decisions import PauseStarted, RolloutCompleted
from tidegate_contracts.orders import Target
from tidegate_demo.scenario import kubectl
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]

IN_GIT: dict[str, dict[str, Any]] = {
    "deployment": {"minReadySeconds": 1, "strategy": {"rollingUpdate": {"maxSurge": 2}}},
    "stateful-set": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}},
}


@pytest.mark.parametrize("kind", [DEPLOYMENT, STATEFUL_SET], ids=lambda kind: kind.label)
async def test_a_tool_that_applies_its_own_strategy_again_and_again_never_takes_the_hold_off(
    own_bare_sandbox: SandboxState, tmp_path: Path, kind: Kind
) -> None:
    name = kind.label
    in_git = kind.manifest(name, replicas=REPLICAS, tag="v2_ready-0.3", **IN_GIT[name])
    file = tmp_path / "in-git.json"
    file.write_text(json.dumps(in_git))
    by_client, by_server = ("apply", "-f", str(file)), ("apply", "--server-side", "--force-conflicts", "-f", str(file))
    kubeconfig = str(own_bare_sandbox.kubeconfig_directory / "admin.yaml")
    async with (
        guarded_world(own_bare_sandbox, tmp_path, ("orchestrator", "workload-controller")) as world,
        await KubernetesClient.connect(kubeconfig, field_manager="a-user") as admin,
    ):
        await world.make(kind, name)
        place: Any = SimpleNamespace(admin=admin, namespace="default", name=name, kind=kind)
        async with observed(place) as seen:
            (stable,) = seen.samples[-1].alive
            witness = Witness(seen, stable, kind.most_missing)
            witness.approve(Target(percent=50))
            await kubectl(world.state, *by_client)
            paused = await world.until(PauseStarted, name)
            for applied in (by_client, by_server) * 3:
                await kubectl(world.state, *applied)
            assert (await world.tags(name)).count("2") == REPLICAS // 2
            witness.check()
            witness.let_go()
            await world.tidegate("approve", paused.rollout)
            await world.until(RolloutCompleted, name)
        await world.whole(kind, name)
        spec = (await world.read(kind, name))["spec"]
        assert _has(spec, IN_GIT[name]), spec
        await kubectl(world.state, "delete", kind.resource.qualified_plural, name, "--cascade=foreground")


def _has(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there, beside the API server's own defaults."""
    if not isinstance(wanted, dict):
        return bool(found == wanted)
    return all(_has(found[name], value) for name, value in wanted.items())
