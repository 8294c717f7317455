"""The service, started where a plugin is installed, finds it by its entry point and rolls its kind out."""

from pathlib import Path

import pytest
from support.kinds import load
from support.plugin import SQUAD, install
from support.workload_service import service
from support.workloads import image, observed, rig

from tidegate_contracts.facts import BatchReady, WorkloadPrepared, WorkloadReleased
from tidegate_contracts.orders import PrepareWorkload, ReleaseWorkload
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(180)]

REPLICAS = 5
CHANGE = image("v2_ready-0.1")


async def test_an_installed_plugin_is_found(sandbox: SandboxState, namespace: str, tmp_path: Path) -> None:
    kind = load(SQUAD)
    async with (
        kind.around(sandbox),
        service(sandbox, tmp_path, install(tmp_path / "installed")) as (copies, bus),
        rig(sandbox, namespace, kind=kind) as made,
    ):
        await (await copies.start()).until_ready()
        await made.create(replicas=REPLICAS, tag="v1_ready-0.1")
        own = (await made.raw())["spec"]
        prepare = PrepareWorkload(rollout="r1", revision=made.next_revision(), workload=made.reference, change=CHANGE)
        await bus.order(made.key, prepare)
        made.change, made.prepared = CHANGE, await bus.fact(made.key, WorkloadPrepared, prepare)
        assert made.prepared.counts.stable_ready == REPLICAS
        async with observed(made) as seen:
            batch = made.batch(1, "40%")
            await bus.order(made.key, batch)
            ready = await bus.fact(made.key, BatchReady, batch)
            assert (await made.raw())["spec"]["updateStrategy"] == {"newPods": 2}
            assert seen.most(ready.canary_revision) == 2
        release = ReleaseWorkload(rollout="r1", revision=made.next_revision(), workload=made.reference, mode="restore")
        await bus.order(made.key, release)
        await bus.fact(made.key, WorkloadReleased, release)
        await made.until_whole()
        assert (await made.raw())["spec"] == own
