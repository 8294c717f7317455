"""Advanced StatefulSets whose pods are not in a row: every batch is exact all the same, on OpenKruise's own manager."""

from typing import Any

import pytest
from support.kinds import ADVANCED_STATEFUL_SET, Kind
from support.scenarios import V1, V2, Stage
from support.scenarios.going import forward, rolled_back
from support.scenarios.stage import REPLICAS, Play
from support.witness import Witness, own_spec
from support.workloads import observed, rig

from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(240)]


def _like(**spec: Any) -> Kind:
    return ADVANCED_STATEFUL_SET._replace(spec=lambda name: {"serviceName": name, **spec})


FIRST = {"statefulset.kubernetes.io/pod-name": "web-0"}
"""The pod that is otherwise the last to be new."""

LEFT_OUT = _like(reserveOrdinals=[1, 3])
BY_PRIORITY = _like(
    podManagementPolicy="Parallel",
    updateStrategy={
        "type": "RollingUpdate",
        "rollingUpdate": {
            "unorderedUpdate": {
                "priorityStrategy": {"weightPriority": [{"weight": 50, "matchSelector": {"matchLabels": FIRST}}]},
            },
        },
    },
)


@pytest.mark.parametrize("play", [forward, rolled_back], ids=lambda play: play.__name__)
@pytest.mark.parametrize("kind", [LEFT_OUT, BY_PRIORITY], ids=["ordinals left out", "by priority"])
async def test_every_batch_is_exact(kinds_sandbox: SandboxState, kinds_namespace: str, kind: Kind, play: Play) -> None:
    async with rig(kinds_sandbox, kinds_namespace, kind=kind) as made:
        await made.create(replicas=REPLICAS, tag=V1)
        own = await own_spec(made)
        async with observed(made) as seen:
            (stable,) = seen.samples[-1].alive
            witness = Witness(seen, stable, kind.most_missing)
            stage = Stage(made, seen, witness, stable, seed=1)
            await stage.prepared(V2)
            tag = await play(stage)
            await made.until_whole()
            witness.check()
            await made.until_all_run(tag, within_s=60.0)
        assert await own_spec(made) == own
