"""New pods that don't come, don't start or don't get ready: told with a reason, and never the end of the story."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final

from support.kinds import IMAGE
from support.scenarios.stage import SOON_S, V1, V2, Stage
from support.until import until
from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_chassis.kubernetes.resources import PODS, Resource
from tidegate_contracts.facts import BatchReady, BatchRecovered, BatchStalled
from tidegate_contracts.orders import Target
from tidegate_workload_controller.seen import Pod

BROKEN: Final = "v2_pull-fail"
CRASHING: Final = "v2_ready-5_crash-0.2"
NEVER_READY: Final = "v2_ready-never"
DEADLINE_S: Final = 3.0
MIN_READY_S: Final = 3
QUOTAS: Final = Resource("", "v1", "resourcequotas", "ResourceQuota")
QUOTA: Final = "none-more"


async def broken_image(stage: Stage) -> str:
    return await _given_up(stage, BROKEN, "ImagePull")


async def crash_loop(stage: Stage) -> str:
    return await _given_up(stage, CRASHING, "CrashLoopBackOff")


async def never_ready(stage: Stage) -> str:
    return await _given_up(stage, NEVER_READY, "ready", progress_deadline_s=DEADLINE_S)


async def _given_up(stage: Stage, tag: str, reason: str, **more: Any) -> str:
    await stage.prepared(tag)
    stalled = await _stalls(stage, 40, **more)
    assert reason in stalled.reason, stalled
    assert stalled.pods
    await stage.made.release("restore", within_s=SOON_S)
    return V1


async def broken_rolled_back_in_batches(stage: Stage) -> str:
    """None of the pods that go has to be ready."""
    await stage.prepared(BROKEN)
    await _stalls(stage, 80)
    ready = await stage.made.apply(1, "20%", going_back=True, within_s=SOON_S)
    most = -(-20 * ready.counts.replicas // 100)
    assert ready.counts.updated <= most, ready
    assert ready.counts.stable_ready >= ready.counts.replicas - most, ready
    await stage.made.release("restore", within_s=SOON_S)
    return V1


async def _stalls(stage: Stage, percent: int, **more: Any) -> BatchStalled:
    """A step that can't be: said once, and the order stands."""
    stage.witness.approve(Target(percent=percent))
    await stage.made.give(stage.made.batch(1, f"{percent}%", **more))
    return await stage.made.fact(BatchStalled, within_s=SOON_S)


async def mended_by_a_newer_version(stage: Stage) -> str:
    await stage.prepared(BROKEN)
    await _stalls(stage, 40)
    await stage.prepared(V2, "r2")
    stage.witness.supersede()
    await stage.step(1, 40, rollout="r2")
    return await stage.finish(rollout="r2")


async def quota_reached_and_retried(stage: Stage) -> str:
    """A quota lets no pod be made; once it is gone, the standing order goes on by itself, and so does one that comes
    when nobody has held any for a while.
    """
    made = stage.made
    await _limit(stage)
    stalled = await _stalls(stage, 40, progress_deadline_s=DEADLINE_S)
    reason = f"exceeded quota: {QUOTA}" if made.kind.tells_refused_pods else "no further pod got ready"
    assert reason in stalled.reason, stalled
    await _lift(stage)
    await made.fact(BatchRecovered, within_s=SOON_S)
    ready = await made.fact(BatchReady, lambda each: each.settled, within_s=SOON_S)
    made.canary_revision = ready.canary_revision
    await _limit(stage)
    await _stalls(stage, 60, progress_deadline_s=DEADLINE_S)
    await made.drop()
    await _lift(stage)
    await stage.step(1, 60)
    assert not made.facts(BatchStalled)
    return await stage.finish()


async def _limit(stage: Stage) -> None:
    made = stage.made
    spec = {"hard": {"pods": "0"}}
    manifest = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": QUOTA}, "spec": spec}
    await made.admin.create(QUOTAS, made.namespace, manifest)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "one-more-"},
        "spec": {"containers": [{"name": "app", "image": f"{IMAGE}:{V1}"}]},
    }
    async with asyncio.timeout(SOON_S):
        while True:
            try:
                await made.admin.create(PODS, made.namespace, pod, dry_run=True)
            except Permanent:
                return
            await asyncio.sleep(0.05)  # admission has seen the quota when it refuses a pod, and tells nobody before


async def _lift(stage: Stage) -> None:
    found = await stage.made.admin.read(QUOTAS, stage.made.namespace, QUOTA, KubernetesObject)
    await stage.made.admin.delete(QUOTAS, stage.made.namespace, QUOTA, uid=found.metadata.uid)


async def some_tolerated(stage: Stage) -> str:
    """Half of the batch needn't be ready: it is ready without some of its pods, and not without all.

    An unready pod is missing: where the user's own limits let no other one go meanwhile, the batch needs more of them.
    """
    made = stage.made
    stage.witness.approve(Target(percent=40))
    await stage.prepared(NEVER_READY)
    await made.give(made.batch(1, "40%", failure_threshold=Target(percent=50)))
    goal = -(-40 * stage.seen.samples[-1].replicas // 100)
    for count in range(1, goal):
        await until(lambda count=count: len(_new_pods(stage)) >= count, within_s=SOON_S, what=f"{count} new pods")
        assert not made.facts(BatchReady)
        await _get_ready(stage, next(pod for pod in _new_pods(stage) if pod.ready_since_s is None))
    ready = await made.fact(BatchReady, lambda each: each.settled, within_s=SOON_S)
    assert ready.counts.updated == ready.target_pods == goal > ready.counts.updated_ready > 0, ready
    stage.witness.excuse(1)  # a StatefulSet's own controller goes back from the highest pod, whichever isn't ready
    await made.release("restore", within_s=SOON_S)
    return V1


def _new_pods(stage: Stage) -> list[Pod]:
    revisions: Iterable[str] = stage.seen.samples[-1].alive
    return [pod for revision in revisions if revision != stage.stable for pod in stage.seen.pods(revision)]


async def _get_ready(stage: Stage, pod: Pod) -> None:
    """An image that gets ready, for this one pod."""
    body = {"spec": {"containers": [{"name": "app", "image": f"{IMAGE}:{V2}"}]}}
    await stage.made.admin.patch(PODS, stage.made.namespace, pod.metadata.name, body, style=PatchStyle.STRATEGIC)


async def ready_for_a_while(stage: Stage) -> str:
    """With minReadySeconds a batch is ready that much after its pods are."""
    stage.witness.approve(Target(percent=40))
    await stage.made.give(stage.made.batch(1, "40%"))
    ready = await stage.made.fact(BatchReady, lambda each: each.settled, within_s=SOON_S)
    said_s, revision = time.monotonic(), ready.canary_revision
    whole = (each.at_s for each in stage.seen.samples if each.ready.get(revision, 0) >= ready.target_pods)
    waited_s = said_s - next(whole)
    assert waited_s >= MIN_READY_S - 1, f"ready after {waited_s:.1f} s, and Kubernetes writes whole seconds"
    stage.made.canary_revision = revision
    return await stage.finish()
