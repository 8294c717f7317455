"""What must hold in every state, whatever happened: checked after each decision and after each loading, in
production, too.

A fault means that the code is wrong or the history was tampered with; the message then ends in the dead
letters, and the world stays as it is.
"""

from collections.abc import Iterator
from typing import Final

from tidegate_contracts.orders import (
    RELEASES,
    Analyse,
    ApplyBatch,
    PrepareWorkload,
    PromoteWorkload,
    ReleaseWorkload,
    ShiftTraffic,
)
from tidegate_orchestrator.orders import orders
from tidegate_orchestrator.state import (
    WHOLE_PERCENT,
    AtStep,
    Clearing,
    Ended,
    Ending,
    Judging,
    Preparing,
    Raising,
    Rollout,
    Stage,
    Workload,
)

_WITH_BATCH: Final = frozenset((Raising, Judging))


def fault(workload: Workload) -> str | None:
    """The first rule that the state breaks."""
    rollout = workload.rollout
    return None if rollout is None else next(_faults(workload, rollout), None)


def _faults(workload: Workload, rollout: Rollout) -> Iterator[str]:
    standing = [order for order in orders(workload) if order is not None]
    if any(order.revision > workload.revision or order.rollout != rollout.id for order in standing):
        yield "an order is newer than the decision that it follows from, or another rollout's"
    if isinstance(rollout.phase, Ended):
        if rollout.phase.outcome != "RolloutSuperseded" and not all(isinstance(order, RELEASES) for order in standing):
            yield "a rollout ended while an order still stands"
        return
    yield from _phase_faults(rollout)
    weight = rollout.share[0]
    if not 0 <= weight <= WHOLE_PERCENT:
        yield f"a weight of {weight} %"


def _phase_faults(rollout: Rollout) -> Iterator[str]:
    phase, order = rollout.phase, rollout.pods.order
    if isinstance(phase, AtStep):
        yield from _step_faults(rollout, phase)
    elif isinstance(phase, Ending):
        yield from _ending_faults(rollout, phase)
    elif isinstance(phase, Preparing) and not isinstance(order, PrepareWorkload):
        yield "the change is tried without the order to try it"
    elif isinstance(phase, Clearing) and not isinstance(order, ReleaseWorkload):
        yield "a release is waited for that nobody was told of"
    shift = rollout.routes.order if rollout.routes is not None else None
    if isinstance(shift, ShiftTraffic) and shift.weight_percent > 0 and shift.canary_revision is None:
        yield "traffic is sent to a revision that nobody knows"


def _step_faults(rollout: Rollout, phase: AtStep) -> Iterator[str]:
    order, step = rollout.pods.order, phase.step
    if type(phase) in _WITH_BATCH and not (isinstance(order, ApplyBatch) and order.step == step):
        yield f"step {step} is under way without its batch"
    if not (1 <= step <= len(rollout.plan) and rollout.stable_revision):
        yield f"step {step} without a plan or a way back"


def _ending_faults(rollout: Rollout, phase: Ending) -> Iterator[str]:
    if rollout.judge is not None and isinstance(rollout.judge.order, Analyse):
        yield "an ending is still analysed"
    if phase.stage is Stage.RELEASING_PODS and not isinstance(rollout.pods.order, ReleaseWorkload):
        yield "pods are being released without the order to do it"
    if phase.stage is Stage.RETURNING:
        yield from _return_faults(rollout)
    if phase.stage is Stage.PROMOTING:
        yield from _promotion_faults(rollout)


def _return_faults(rollout: Rollout) -> Iterator[str]:
    order = rollout.pods.order
    if not isinstance(order, ApplyBatch) or not order.going_back or order.style != "partition":
        yield "a batch goes back without the order to do it"
    if not rollout.quiet and rollout.routed:
        yield "pods go back that still get traffic"


def _promotion_faults(rollout: Rollout) -> Iterator[str]:
    if not isinstance(rollout.pods.order, PromoteWorkload) or rollout.pods.order.style == "partition":
        yield "a workload is being promoted without the order to do it"
    if rollout.routed and rollout.share[0] != WHOLE_PERCENT:
        yield f"a workload is being promoted while its stable pods get {WHOLE_PERCENT - rollout.share[0]} %"
