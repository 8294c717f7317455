"""What may happen to a rollout of any kind, as scenarios that are played on the real controllers.

Each takes a workload that a copy of the workload-controller may hold, and a witness; it returns when the workload is
whole again under its own strategy, and says which version it must run then.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from support.until import until
from support.witness import Witness
from support.workloads import Observer, Rig, image
from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.resources import HORIZONTAL_POD_AUTOSCALERS, PODS, Resource
from tidegate_contracts.facts import BatchReady, BatchStalled, WorkloadPrepared
from tidegate_contracts.orders import Target
from tidegate_workload_controller.marks import POD_BATCH, POD_ROLLOUT_ID
from tidegate_workload_controller.seen import Pod

V1: Final = "v1_ready-0.1"
V2: Final = "v2_ready-0.1"
V3: Final = "v3_ready-0.1"
BROKEN: Final = "v2_pull-fail"
SOON_S: Final = 60.0
LOAD: Final = "podlet-load"
CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
KILLS: Final = 6


class Stage(NamedTuple):
    """A workload on the sandbox, and who looks."""

    made: Rig
    seen: Observer
    witness: Witness
    stable: str
    seed: int

    async def step(self, number: int, percent: int, *, rollout: str = "r1") -> BatchReady:
        """One step, ready; checked for the number of pods that its percentage means."""
        self.witness.approve(Target(percent=percent))
        ready = await self.made.apply(number, f"{percent}%", rollout=rollout, within_s=SOON_S)
        self.witness.check()
        return ready

    async def again(self, pods: int) -> None:
        """The same order is reported as ready anew, at the present scale."""
        replicas = (await self.made.read()).replicas

        def ready(each: BatchReady) -> bool:
            return each.counts.replicas == replicas and each.target_pods == pods and each.counts.updated_ready >= pods

        await self.made.fact(BatchReady, ready, within_s=SOON_S)

    async def finish(self, *, rollout: str = "r1") -> str:
        await self.step(9, 100, rollout=rollout)
        await self.made.release("promote", rollout=rollout, within_s=SOON_S)
        return V2

    async def prepared(self, tag: str, rollout: str = "r1") -> WorkloadPrepared:
        fact = await self.made.prepare(image(tag), rollout)
        assert isinstance(fact, WorkloadPrepared), fact
        return fact


Scenario = Callable[[Stage], Awaitable[str]]


async def forward(stage: Stage) -> str:
    for number, percent in enumerate((20, 40, 80), start=1):
        await stage.step(number, percent)
    return await stage.finish()


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
    stage.witness.approve(Target(percent=80))
    await stage.made.give(stage.made.batch(1, "80%"))
    await until(lambda: len(stage.seen.samples[-1].alive) > 1, within_s=SOON_S, what="a first new pod")
    await stage.made.scale(8)
    await stage.again(7)
    await stage.made.scale(4)
    await stage.again(stage.made.kind.most_new(4))
    return await stage.finish()


async def scaled_by_an_autoscaler(stage: Stage) -> str:
    """A real HorizontalPodAutoscaler, on the load that the pods report, while the step stands."""
    made = stage.made
    await made.admin.create(CONFIG_MAPS, made.namespace, load(made.name, "2500m"))
    await made.admin.create(HORIZONTAL_POD_AUTOSCALERS, made.namespace, autoscaler(made))
    await stage.step(1, 40)
    await _load(made, "5000m")
    await until(lambda: stage.seen.samples[-1].replicas == 10, within_s=SOON_S, what="ten replicas")
    await stage.again(4)
    await _load(made, "1000m")
    await until(lambda: stage.seen.samples[-1].replicas == 5, within_s=SOON_S, what="five replicas")
    await until(lambda: sum(stage.seen.samples[-1].alive.values()) == 5, within_s=SOON_S, what="five pods")
    await stage.again(2)
    return await stage.finish()


async def _load(made: Rig, amount: str) -> None:
    body = {"data": {made.name: amount}}
    answer = await made.admin.patch(CONFIG_MAPS, made.namespace, LOAD, body, style=PatchStyle.MERGE)
    assert isinstance(answer, bytes), answer


def load(app: str, amount: str) -> dict[str, Any]:
    """How much CPU the pods of an app use together, as the sandbox's metrics tell."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": LOAD}, "data": {app: amount}}


def autoscaler(made: Rig) -> dict[str, Any]:
    """Half a CPU a pod, five to ten pods, and no waiting."""
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
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }


async def scaled_to_nothing(stage: Stage) -> str:
    await stage.step(1, 40)
    await stage.made.scale(0)
    await stage.again(0)
    await until(lambda: not stage.seen.samples[-1].alive, within_s=SOON_S, what="no pod")
    await stage.made.scale(5)
    await stage.again(2)
    return await stage.finish()


async def rolled_back(stage: Stage) -> str:
    await stage.step(1, 20)
    await stage.step(2, 60)
    await stage.made.release("restore", within_s=SOON_S)
    return V1


async def rolled_back_from_the_end(stage: Stage) -> str:
    await stage.step(1, 100)
    await stage.made.release("restore", within_s=SOON_S)
    return V1


async def rolled_back_in_batches(stage: Stage) -> str:
    """One step's pods after the other, a copy killed on the way."""
    await stage.step(1, 20)
    await stage.step(2, 40)
    await stage.step(3, 80)
    order = stage.made.batch(2, "40%", going_back=True)
    await stage.made.give(order)
    await until(lambda: _now(stage, stage.stable) > 1, within_s=SOON_S, what="a first stable pod")
    await stage.made.give(order)
    await _back(stage, await stage.made.fact(BatchReady, within_s=SOON_S), 40)
    await _back(stage, await stage.made.apply(1, "20%", going_back=True, within_s=SOON_S), 20)
    await stage.made.release("restore", within_s=SOON_S)
    return V1


async def _back(stage: Stage, ready: BatchReady, percent: int) -> None:
    """Back at a step's pods, of which there may be fewer from now on, and never more again."""
    counts = ready.counts
    most = -(-percent * counts.replicas // 100)
    assert (ready.target_pods, ready.settled, counts.updated) == (most, True, most), ready
    assert counts.stable_ready == counts.replicas - most, ready
    stage.witness.approve(Target(count=most))


def _now(stage: Stage, revision: str) -> int:
    return stage.seen.samples[-1].alive.get(revision, 0)


async def broken_rolled_back_in_batches(stage: Stage) -> str:
    """None of the pods that go has to be ready."""
    stage.witness.approve(Target(percent=80))
    await stage.prepared(BROKEN)
    await stage.made.give(stage.made.batch(2, "80%"))
    await stage.made.fact(BatchStalled, within_s=SOON_S)
    ready = await stage.made.apply(1, "20%", going_back=True, within_s=SOON_S)
    most = -(-20 * ready.counts.replicas // 100)
    assert ready.counts.updated <= most, ready
    assert ready.counts.stable_ready >= ready.counts.replicas - most, ready
    await stage.made.release("restore", within_s=SOON_S)
    return V1


async def superseded(stage: Stage) -> str:
    await stage.step(1, 40)
    await stage.prepared(V3, "r2")
    stage.witness.supersede()
    await stage.step(1, 20, rollout="r2")
    await stage.step(2, 60, rollout="r2")
    await stage.finish(rollout="r2")
    return V3


async def broken_image(stage: Stage) -> str:
    stage.witness.approve(Target(percent=40))
    await stage.prepared(BROKEN)
    await stage.made.give(stage.made.batch(1, "40%"))
    stalled = await stage.made.fact(BatchStalled, within_s=SOON_S)
    assert "ImagePull" in stalled.reason, stalled
    await stage.made.release("restore", within_s=SOON_S)
    return V1


async def mended_by_a_newer_version(stage: Stage) -> str:
    stage.witness.approve(Target(percent=40))
    await stage.prepared(BROKEN)
    await stage.made.give(stage.made.batch(1, "40%"))
    await stage.made.fact(BatchStalled, within_s=SOON_S)
    await stage.prepared(V2, "r2")
    stage.witness.supersede()
    await stage.step(1, 40, rollout="r2")
    return await stage.finish(rollout="r2")


async def adopted_in_the_middle(stage: Stage) -> str:
    """A native update of the user's own is under way; pods of an even older version are kept, too."""
    made = stage.made
    stage.witness.look_away()
    await made.update(V2)
    await until(lambda: len(stage.seen.samples[-1].alive) > 1, within_s=SOON_S, what="a first pod of the user's update")
    await stage.prepared(V3)
    ready = await made.apply(1, "60%", within_s=SOON_S)
    assert ready.target_pods == 3 if made.kind.scales else 4
    await made.apply(9, "100%", within_s=SOON_S)
    await made.release("promote", within_s=SOON_S)
    return V3


async def cancelled(stage: Stage) -> str:
    await stage.step(1, 40)
    stage.witness.approve(Target(percent=100))
    await stage.made.release("let_go")
    await stage.made.until_whole()
    return V2


async def pods_lost(stage: Stage) -> str:
    """Pods of both versions are deleted while the step stands: the batch is made whole again, and labelled."""
    ready = await stage.step(1, 40)
    made, seen = stage.made, stage.seen
    revisions = [ready.canary_revision]
    if made.kind.scales:  # of the others every pod that is made is new
        revisions.append(stage.stable)
    for revision in revisions:
        before = seen.pods(revision)
        lost = before[0].metadata
        await made.admin.delete(PODS, made.namespace, lost.name, uid=lost.uid)

        def replaced(revision: str = revision, uid: str = lost.uid, count: int = len(before)) -> bool:
            now = seen.pods(revision)
            whole = len(now) == count and all(pod.ready_since_s is not None for pod in now)
            return whole and all(pod.metadata.uid != uid for pod in now)

        await until(replaced, within_s=SOON_S, what=f"another pod of {revision} in the place of {lost.name}")
    await until(lambda: all(map(_labelled, seen.pods(ready.canary_revision))), within_s=SOON_S, what="labels")
    return await stage.finish()


async def killed(stage: Stage) -> str:
    """The copy that holds the order dies at seeded moments, and another one takes over, knowing nothing."""
    chance = random.Random(stage.seed)
    for number, percent in enumerate((20, 60, 100), start=1):
        stage.witness.approve(Target(percent=percent))
        order = stage.made.batch(number, f"{percent}%")
        for _ in range(KILLS // 3):
            await stage.made.give(order)
            await asyncio.sleep(chance.uniform(0.0, 0.5))
            await stage.made.drop()
        await stage.made.give(order)
        ready = await stage.made.fact(BatchReady, lambda each: each.settled, within_s=SOON_S)
        stage.made.canary_revision = ready.canary_revision
    await stage.made.release("promote", within_s=SOON_S)
    return V2


def _labelled(pod: Pod) -> bool:
    labels = pod.metadata.labels
    return labels.get(POD_ROLLOUT_ID) == "r1" and labels.get(POD_BATCH) == "1"


SCENARIOS: Final[dict[str, Scenario]] = {
    "forward": forward,
    "scaled up": scaled_up,
    "scaled down": scaled_down,
    "scaled while it moves": scaled_while_it_moves,
    "scaled by an autoscaler": scaled_by_an_autoscaler,
    "scaled to nothing": scaled_to_nothing,
    "rolled back": rolled_back,
    "rolled back from the end": rolled_back_from_the_end,
    "rolled back in batches": rolled_back_in_batches,
    "broken, rolled back in batches": broken_rolled_back_in_batches,
    "superseded": superseded,
    "broken image": broken_image,
    "mended by a newer version": mended_by_a_newer_version,
    "adopted in the middle": adopted_in_the_middle,
    "cancelled": cancelled,
    "pods lost": pods_lost,
    "copies killed": killed,
}
SCALING: Final = frozenset(name for name in SCENARIOS if name.startswith("scaled"))
"""Only for kinds that have replicas."""
PREPARES_ITSELF: Final = frozenset(
    {"adopted in the middle", "broken image", "mended by a newer version", "broken, rolled back in batches"}
)
