"""The workload is scaled while it is rolled out: by hand, by a real autoscaler, to nothing, and from nothing."""

import asyncio
from typing import Any, Final

from support.scenarios.stage import REPLICAS, SOON_S, V1, V2, Stage, stage_left
from support.until import until
from support.workloads import Rig
from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.resources import HORIZONTAL_POD_AUTOSCALERS, Resource
from tidegate_contracts.facts import WorkloadPromoted, WorkloadReleased
from tidegate_contracts.orders import Target
from tidegate_workload_controller import marks
from tidegate_workload_controller.marks import FIELD_MANAGER

LOAD: Final = "podlet-load"
CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
HELD_S: Final = 6.0
"""Three rounds of the sandbox's autoscalers."""

AT_ONCE: Final[dict[str, Any]] = {"scaleDown": {"stabilizationWindowSeconds": 0}}


async def scaled_up(stage: Stage) -> str:
    await stage.step(1, 40)
    await stage.made.scale(10)
    await stage.again(4)
    await stage.made.scale(11)
    await stage.again(5)
    return await stage.finish()


async def scaled_down(stage: Stage) -> str:
    await stage.step(1, 60)
    await stage.made.scale(3)
    await stage.again(2)
    return await stage.finish()


async def scaled_while_it_moves(stage: Stage) -> str:
    made = stage.made
    stage.witness.approve(Target(percent=80))
    await made.give(made.batch(1, "80%"))
    await until(lambda: len(stage.seen.samples[-1].alive) > 1, within_s=SOON_S, what="a first new pod")
    await made.scale(8)
    await stage.again(7)
    await made.scale(4)
    await stage.again(made.kind.most_new(4, made.style))
    return await stage.finish()


async def scaled_to_nothing(stage: Stage) -> str:
    await stage.step(1, 40)
    await stage.made.scale(0)
    await stage.again(0)
    await until(lambda: not stage.seen.samples[-1].alive, within_s=SOON_S, what="no pod")
    await stage.made.scale(5)
    await stage.again(2)
    return await stage.finish()


async def nothing_from_the_start(stage: Stage) -> str:
    """There is nothing to move until somebody wants pods: then the step's share of them is new."""
    first = await stage.step(1, 40)
    assert (first.target_pods, first.counts.replicas) == (0, 0)
    await stage.made.scale(5)
    await stage.again(2)
    stable = 3 if stage.made.style == "partition" else 5
    ready = lambda: stage.seen.samples[-1].ready.get(stage.stable) == stable  # noqa: E731
    await until(ready, within_s=SOON_S, what=f"{stable} stable pods")
    return await stage.finish()


async def scaled_while_promoted(stage: Stage) -> str:
    """Up and then down, while the workload itself takes the new version over."""
    made = stage.made
    await stage.step(1, 100)
    stage.witness.promote(made.canary_revision)
    await made.give(made.promotion())
    await stage_left(stage, stage.stable)
    await _up_and_down(stage)
    await made.fact(WorkloadPromoted, within_s=SOON_S)
    stage.witness.let_go()
    await made.release("promote", within_s=SOON_S)
    return V2


async def scaled_while_rolled_back(stage: Stage) -> str:
    """Up and then down, while pods of both versions are there: what is added is stable."""
    made = stage.made
    ready = await stage.step(1, 60)
    await made.give(made.giving_back("restore"))
    await stage_left(stage, ready.canary_revision)
    await _up_and_down(stage)
    await made.fact(WorkloadReleased, within_s=SOON_S)
    return V1


async def _up_and_down(stage: Stage) -> None:
    await stage.made.scale(9)
    more = lambda: sum(stage.seen.samples[-1].ready.values()) > REPLICAS  # noqa: E731
    await until(more, within_s=SOON_S, what=f"more than {REPLICAS} pods")
    await stage.made.scale(4)


async def scaled_by_an_autoscaler(stage: Stage) -> str:
    """A real HorizontalPodAutoscaler, on the load that the pods report, while the step stands."""
    made = stage.made
    await _autoscaled(made, AT_ONCE)
    await stage.step(1, 40)
    await _change_load(made, "5000m")
    await until(lambda: stage.seen.samples[-1].replicas == 10, within_s=SOON_S, what="ten replicas")
    await stage.again(4)
    await _change_load(made, "1000m")
    await until(lambda: stage.seen.samples[-1].replicas == 5, within_s=SOON_S, what="five replicas")
    await stage.again(2)
    tag = await stage.finish()
    await _end_autoscaling(made)
    return tag


async def autoscaler_held_off(stage: Stage) -> str:
    return await _held_off(stage, AT_ONCE)


async def autoscaler_without_behavior_held_off(stage: Stage) -> str:
    return await _held_off(stage, None)


async def _held_off(stage: Stage, behavior: dict[str, Any] | None) -> str:
    """A real HorizontalPodAutoscaler neither scales nor complains while stable and new pods are there twice."""
    made, seen = stage.made, stage.seen
    await _autoscaled(made, behavior)
    before = await _autoscaler(made)
    await stage.step(1, 100)
    await _change_load(made, "5000m")
    await asyncio.sleep(HELD_S)  # what must not happen has no event
    held = await _autoscaler(made)
    assert marks.SAVED_BEHAVIOR in held["metadata"]["annotations"]
    assert {each.replicas for each in seen.samples} == {5}
    conditions = {each["type"]: each["status"] for each in held["status"]["conditions"]}
    assert (conditions["AbleToScale"], conditions["ScalingActive"]) == ("True", "True")
    tag = await stage.finish()
    after = await _autoscaler(made)
    assert after["spec"] == before["spec"]
    assert after["metadata"].get("annotations", {}) == before["metadata"].get("annotations", {})
    assert FIELD_MANAGER not in {each["manager"] for each in after["metadata"]["managedFields"]}
    await until(lambda: seen.samples[-1].replicas == 10, within_s=SOON_S, what="ten replicas")
    await _end_autoscaling(made)
    return tag


async def _autoscaled(made: Rig, behavior: dict[str, Any] | None) -> None:
    load = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": LOAD}, "data": {made.name: "2500m"}}
    await made.admin.create(CONFIG_MAPS, made.namespace, load)
    await made.admin.create(HORIZONTAL_POD_AUTOSCALERS, made.namespace, _manifest(made, behavior))


def _manifest(made: Rig, behavior: dict[str, Any] | None) -> dict[str, Any]:
    """Half a CPU a pod, five to ten pods."""
    resource = made.kind.resource
    target = {"type": "AverageValue", "averageValue": "500m"}
    return {
        "apiVersion": HORIZONTAL_POD_AUTOSCALERS.api_version,
        "kind": HORIZONTAL_POD_AUTOSCALERS.kind,
        "metadata": {"name": made.name},
        "spec": {
            "scaleTargetRef": {"apiVersion": resource.api_version, "kind": resource.kind, "name": made.name},
            "minReplicas": 5,
            "maxReplicas": 10,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            **({"behavior": behavior} if behavior is not None else {}),
        },
    }


async def _autoscaler(made: Rig) -> dict[str, Any]:
    answer = await made.admin.get(HORIZONTAL_POD_AUTOSCALERS, made.namespace, made.name)
    assert isinstance(answer, bytes), answer
    return decode(answer, dict)


async def _end_autoscaling(made: Rig) -> None:
    """It would go on asking the API server, beside all cases that come later."""
    found = await _autoscaler(made)
    uid = found["metadata"]["uid"]
    await made.admin.delete(HORIZONTAL_POD_AUTOSCALERS, made.namespace, made.name, uid=uid)


async def _change_load(made: Rig, amount: str) -> None:
    """How much CPU the pods use together, as the sandbox's metrics tell."""
    body = {"data": {made.name: amount}}
    answer = await made.admin.patch(CONFIG_MAPS, made.namespace, LOAD, body, style=PatchStyle.MERGE)
    assert isinstance(answer, bytes), answer
