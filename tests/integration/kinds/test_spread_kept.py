"""OpenKruise's WorkloadSpread keeps its spread through a CloneSet rollout of ours: at every step, scaled, and back."""

import asyncio
from collections import Counter
from typing import Any, Final

import pytest
from support.kinds import CLONE_SET
from support.scenarios import SOON_S, V1, V2
from support.workloads import Rig, image, rig

from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.resources import NODES, PODS, Resource
from tidegate_contracts.facts import BatchReady, WorkloadPrepared
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox

SPREADS: Final = Resource("apps.kruise.io", "v1alpha1", "workloadspreads", "WorkloadSpread")
ZONE: Final = "topology.kubernetes.io/zone"


def subset(name: str, operator: str, **more: object) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": ZONE, "operator": operator, "values": ["zone-a"]}]}
    return {"name": name, "requiredNodeSelectorTerm": term, **more}


def spread(made: Rig) -> dict[str, Any]:
    """Two pods in one zone, all others elsewhere."""
    kind = made.kind.resource
    return {
        "apiVersion": SPREADS.api_version,
        "kind": SPREADS.kind,
        "metadata": {"name": made.name},
        "spec": {
            "targetRef": {"apiVersion": kind.api_version, "kind": kind.kind, "name": made.name},
            "subsets": [subset("here", "In", maxReplicas=2), subset("elsewhere", "NotIn")],
        },
    }


async def zones(made: Rig) -> Counter[bool]:
    """How many living pods are in the zone, and how many aren't, by the nodes that they really are on."""
    nodes = [decode(raw, dict)["metadata"] for raw in (await made.admin.list_all(NODES, None)).items]
    there = {node["name"] for node in nodes if node["labels"][ZONE] == "zone-a"}
    pods = [decode(raw, dict) for raw in (await made.admin.list_all(PODS, made.namespace)).items]
    living = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    return Counter(pod["spec"].get("nodeName") in there for pod in living)


async def until_spread(made: Rig, *, elsewhere: int) -> None:
    """Wait for so many; two in the zone are the most at any time."""
    async with asyncio.timeout(SOON_S):
        while (found := await zones(made)) != {True: 2, False: elsewhere}:
            assert found[True] <= 2, found
            await asyncio.sleep(0.05)  # nobody tells where all pods are


@pytest.mark.parametrize("back", [False, True], ids=["forward", "back"])
async def test_it_is_spread_at_every_step(kinds_sandbox: SandboxState, kinds_namespace: str, *, back: bool) -> None:
    async with rig(kinds_sandbox, kinds_namespace, kind=CLONE_SET) as made:
        await made.admin.create(SPREADS, made.namespace, spread(made))
        await made.create(replicas=5, tag=V1)
        assert await zones(made) == {True: 2, False: 3}
        before = await made.raw()
        prepared = await made.prepare(image(V2))
        assert isinstance(prepared, WorkloadPrepared)
        for step, percent in enumerate((20, 60), start=1):
            await made.apply(step, f"{percent}%", within_s=SOON_S)
            await until_spread(made, elsewhere=3)
        await made.scale(7)
        await made.fact(BatchReady, lambda each: each.counts.replicas == 7, within_s=SOON_S)
        await until_spread(made, elsewhere=5)
        if not back:
            await made.apply(3, "100%", within_s=SOON_S)
        await made.release("restore" if back else "promote", within_s=SOON_S)
        await until_spread(made, elsewhere=5)
        assert (await made.raw())["spec"]["updateStrategy"] == before["spec"]["updateStrategy"]
        assert await made.images() == {f"registry.example/web:{V1 if back else V2}"}
