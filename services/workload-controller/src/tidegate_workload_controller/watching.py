"""Following a batch: label its pods, report what is ready, and watch over the rest, whatever makes the pods come.

Pure; `convergence` and `beside` hand over what they see with the moves that they want to make, and get the whole
decision. Whatever raises a risk or is reported as true comes from a live view only.
"""

from msgspec.structs import replace

from tidegate_contracts.facts import BatchReady, PodCounts
from tidegate_contracts.orders import ApplyBatch
from tidegate_workload_controller import vitals
from tidegate_workload_controller.actions import Action, Decision, LabelPods, Report
from tidegate_workload_controller.batches import carried
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.scene import Scene
from tidegate_workload_controller.vitals import Finding

UNKNOWN_WAIT_S = 1.0
"""How long to wait for a change before the new revision is looked for again: not every kind's is watched."""


def follow(scene: Scene, memory: Memory, moves: tuple[Action, ...], now_s: float, *, live: bool) -> Decision[Memory]:
    """What to do now. A batch is reported as ready after the moves: at rest before anybody builds on it.

    Args:
        scene: What the order meets.
        memory: What the last decision left.
        moves: What makes pods come and go.
        now_s: Epoch seconds.
        live: Whether the scene was seen live.
    """
    labels = scene.labels_due(memory.labelled)
    memory = _remember(scene, memory, labels, now_s)
    finding = _watch(scene, memory, now_s)
    ready = _ready_fact(scene, memory, now_s)
    actions: tuple[Action, ...] = labels
    unknown_s = now_s + UNKNOWN_WAIT_S if memory.canary_revision is None else None
    until_s = min((each for each in (finding.until_s, scene.census.next_available_s, unknown_s) if each), default=None)
    if (finding.facts or ready or moves) and not live:
        return Decision(memory, actions, look_live=True)
    memory = replace(memory, vitals=finding.vitals)
    if ready:
        memory = replace(memory, reported=(scene.goal, scene.settled))
    actions = (*actions, *map(Report, finding.facts), *moves, *map(Report, ready))
    return Decision(memory, actions, until_s=until_s, progress=scene.progress())


def _remember(scene: Scene, memory: Memory, labels: tuple[LabelPods, ...], now_s: float) -> Memory:
    """A label is remembered only until it is seen: one that somebody takes off later is put on again."""
    ready_at_s = (memory.ready_at_s or now_s) if scene.ready else None
    unseen = {pod.metadata.uid for pod in scene.census.new if carried(pod, scene.order) is None}
    written = {uid: each.batch for each in labels for _, uid in each.pods}
    labelled = {uid: batch for uid, batch in (memory.labelled | written).items() if uid in unseen}
    return replace(memory, ready_at_s=ready_at_s, labelled=labelled)


def _watch(scene: Scene, memory: Memory, now_s: float) -> Finding:
    order, census, ailments, goal = scene.order, scene.census, scene.ailments, scene.goal
    if scene.ready:
        return vitals.finished(memory.vitals, order, census, now_s)
    reported = memory.reported is not None and memory.reported[0] == goal
    least = scene.least_ready if reported else min(order.ready_before, goal)
    short = vitals.falling_short(memory.vitals, order, census, ailments, now_s, least=least)
    if reported:
        return short
    return vitals.both(short, vitals.unfinished(short.vitals, order, census, ailments, now_s))


def _ready_fact(scene: Scene, memory: Memory, now_s: float) -> tuple[BatchReady, ...]:
    goal, settled = scene.goal, scene.settled
    if not scene.ready or memory.canary_revision is None or (scene.order.settle and not settled):
        return ()
    if memory.reported in {(goal, True), (goal, settled)}:
        return ()
    new, counts = memory.canary_revision, scene.census.counts
    return (batch_ready(scene.order, new, goal, counts, now_s, settled=settled, ready_at_s=memory.ready_at_s),)


def batch_ready(
    order: ApplyBatch,
    new: str,
    pods: int,
    counts: PodCounts,
    now_s: float,
    *,
    settled: bool = True,
    ready_at_s: float | None = None,
) -> BatchReady:
    """What is reported of an order whose batch is ready, whoever decided that it is.

    Args:
        order: What is answered.
        new: The revision of its pods.
        pods: How many the batch has.
        counts: Who is there.
        now_s: Epoch seconds.
        settled: Whether the stable pods have shrunk to the rest, too.
        ready_at_s: When the last pod was seen ready, where that was seen.
    """
    return BatchReady(
        rollout=order.rollout,
        order_revision=order.revision,
        at_s=now_s,
        step=order.step,
        settled=settled,
        canary_revision=new,
        target_pods=pods,
        counts=counts,
        last_pod_ready_at_s=ready_at_s,
    )
