"""Which batch a new pod is of: each has as many places as its step adds, and one that is lost leaves its place free.

Pure; `scene` asks, and `watching` remembers what is on its way. The label on a pod is all that says it: of those that
carry none yet, the last batch with free places gets the first. Rule: Kruise Rollouts, `batchrelease/labelpatch`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate, pairwise

from tidegate_contracts.orders import ApplyBatch, Target
from tidegate_workload_controller import marks
from tidegate_workload_controller.seen import Pod

PodsOf = Callable[[Target, int], int]
"""How many new pods a target means to a hold, of so many replicas."""


def places(order: ApplyBatch, replicas: int, pods: int, pods_of: PodsOf) -> Counter[int]:
    """How many pods each batch has, by its number; an order of before `earlier` was told knows only its own.

    Args:
        order: Its batch is the last one.
        replicas: The workload's.
        pods: What the order's own target means.
        pods_of: What those of the steps before do.
    """
    reached = accumulate((*(min(pods_of(each, replicas), pods) for each in order.earlier), pods), max)
    added = [after - before for before, after in pairwise((0, *reached))]
    return Counter(dict(enumerate(added, start=order.batch - len(order.earlier))))


def carried(pod: Pod, order: ApplyBatch) -> int | None:
    """The batch that a pod's labels say, if it is one that this rollout has had."""
    labels = pod.metadata.labels
    if labels.get(marks.POD_ROLLOUT_ID) != order.rollout:
        return None
    number = labels.get(marks.POD_BATCH, "")
    return int(number) if number in map(str, range(1, order.batch + 1)) else None


def unassigned(
    pods: Iterable[Pod], order: ApplyBatch, there_are: Counter[int], coming: Mapping[str, int]
) -> list[tuple[Pod, int]]:
    """New pods that carry no batch, each with the one that it is of: the order's own where no place is free.

    Args:
        pods: Those of the new revision.
        order: What is asked for.
        there_are: The places of each batch.
        coming: Labels that were written and not seen yet: the batch by the pod's uid.
    """
    found = [(pod, coming.get(pod.metadata.uid) or carried(pod, order)) for pod in pods]
    free = there_are - Counter(batch for _, batch in found if batch is not None)
    vacant = iter(sorted(free.elements(), reverse=True))
    return [(pod, next(vacant, order.batch)) for pod, batch in found if batch is None and pod.placed]
