"""Pods are lost while a step stands: deleted, evicted, or with their node."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

from support.kinds import Kind
from support.scenarios.stage import SOON_S, Stage
from support.until import until
from support.workloads import POLL_PERIOD_S, Rig
from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.resources import NODES, PODS, Resource
from tidegate_contracts.facts import BatchReady, BatchStalled
from tidegate_contracts.orders import Target
from tidegate_workload_controller.marks import POD_BATCH, POD_ROLLOUT_ID
from tidegate_workload_controller.seen import Pod

SPARE: Final = "tidegate.dev/spare"
"""The taint of the nodes that the sandbox keeps for those who lose one; its value is the node's name."""

LOST: Final = "tidegate.dev/lost"
DEADLINE_S: Final = 5.0

Remove = Callable[[Rig, Pod], Awaitable[None]]


async def pods_deleted_and_evicted(stage: Stage) -> str:
    """Pods of both versions go while the step stands: the batch is made whole again each time, and labelled."""
    first = await stage.step(1, 20)
    second = await stage.step(2, 40)
    new, pods = first.canary_revision, {"1": first.target_pods, "2": second.target_pods - first.target_pods}
    await _until_labelled(stage, new, pods)
    stage.witness.excuse(1)
    revisions = (new, stage.stable) if stage.made.kind.scales else (new,)  # of the others every pod that is made is new
    for remove in (_delete, _evict):
        for revision in revisions:
            await _lose(stage, revision, remove)
            await _until_labelled(stage, new, pods)
    await _strip(stage.made, stage.seen.pods(new)[-1])
    await _until_labelled(stage, new, pods)
    return await stage.finish()


async def _until_labelled(stage: Stage, revision: str, pods: dict[str, int]) -> None:
    """Of each batch there are so many pods, whoever came in the place of another one."""

    def are_of() -> Counter[str]:
        found = [pod.metadata.labels for pod in stage.seen.pods(revision)]
        return Counter(labels.get(POD_BATCH, "") for labels in found if labels.get(POD_ROLLOUT_ID) == "r1")

    await until(
        lambda: are_of() == Counter(pods), within_s=SOON_S, what=f"the labels of batches, of which there are {pods}"
    )


async def _lose(stage: Stage, revision: str, remove: Remove) -> None:
    """Of the new ones the longest there, from whose batch no other is made any more."""
    before = sorted(stage.seen.pods(revision), key=lambda pod: pod.metadata.labels.get(POD_BATCH, ""))
    lost = before[0].metadata
    await remove(stage.made, before[0])

    def replaced() -> bool:
        now = stage.seen.pods(revision)
        whole = len(now) == len(before) and all(pod.ready_since_s is not None for pod in now)
        return whole and all(pod.metadata.uid != lost.uid for pod in now)

    await until(replaced, within_s=SOON_S, what=f"another pod of {revision} in the place of {lost.name}")


async def _delete(made: Rig, pod: Pod) -> None:
    await made.admin.delete(PODS, made.namespace, pod.metadata.name, uid=pod.metadata.uid)


async def _evict(made: Rig, pod: Pod) -> None:
    name = pod.metadata.name
    evictions = Resource("", "v1", f"pods/{name}/eviction", "Eviction")  # a subresource to which one posts
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": made.namespace}}
    await made.admin.create(evictions, made.namespace, body)


async def _strip(made: Rig, pod: Pod) -> None:
    """Somebody takes the batch off a pod."""
    body = {"metadata": {"labels": {POD_BATCH: None}}}
    await made.admin.patch(PODS, made.namespace, pod.metadata.name, body, style=PatchStyle.MERGE)


def on_a_node_of_its_own(kind: Kind, node: str) -> dict[str, Any]:
    """One of the pods goes there, since nobody else may; where pods move, they move soon."""
    own = {"key": SPARE, "operator": "Equal", "value": node, "effect": "NoSchedule"}
    soon = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
    return {"tolerations": [own, {**soon, "tolerationSeconds": 1}] if kind.scales else [own]}


async def node_lost(stage: Stage) -> str:
    """The next step is ordered while a node is away: it is ready without it, or says why not and waits for it."""
    made, seen = stage.made, stage.seen
    nodes = (await stage.step(1, 40)).counts.replicas
    lost = await _on(made, stage.node)
    assert lost, f"no pod on {stage.node}, which gets lost"
    stage.witness.excuse(len(lost))

    def is_noticed() -> bool:
        living = [pod for revision in seen.samples[-1].alive for pod in seen.pods(revision)]
        return not lost & {pod.metadata.uid for pod in living if pod.ready_since_s is not None}

    await _mark_node(stage, "true")
    try:
        await until(is_noticed, within_s=SOON_S, what=f"the loss of {stage.node}")
        # A DaemonSet's scale may fall when the batch's pods have gone already, and all of them come back new.
        stage.witness.approve(Target(count=-(-60 * nodes // 100)))
        await made.give(made.batch(2, "60%", progress_deadline_s=DEADLINE_S))
        said = lambda: made.facts(BatchReady) or made.facts(BatchStalled)  # noqa: E731
        await until(said, within_s=SOON_S, what="a word about the step")
        assert all(fact.reason for fact in made.facts(BatchStalled))
    finally:
        await _mark_node(stage, None)
        await _until_back(stage)
    await made.fact(BatchReady, lambda each: each.settled, within_s=SOON_S)
    return await stage.finish()


async def _on(made: Rig, node: str) -> set[str]:
    """The uids of the pods there."""
    page = await made.admin.list_all(PODS, made.namespace)
    pods = [decode(raw, dict) for raw in page.items]
    return {pod["metadata"]["uid"] for pod in pods if pod["spec"].get("nodeName") == node}


async def _until_back(stage: Stage) -> None:
    """The node is ready for the pods of whoever has it next."""
    async with asyncio.timeout(SOON_S):
        while True:
            answer = await stage.made.admin.get(NODES, None, stage.node)
            assert isinstance(answer, bytes), answer
            taints = decode(answer, dict)["spec"].get("taints", ())
            if {taint["key"] for taint in taints} == {SPARE}:
                return
            await asyncio.sleep(POLL_PERIOD_S)


async def _mark_node(stage: Stage, lost: str | None) -> None:
    body = {"metadata": {"annotations": {LOST: lost}}}
    await stage.made.admin.patch(NODES, None, stage.node, body, style=PatchStyle.MERGE)
