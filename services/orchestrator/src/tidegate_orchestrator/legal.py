"""What must hold in every state, whatever happened: checked after each decision and after each loading, in
production, too.

A fault means that the code is wrong or the history was tampered with; the message then ends in the dead
letters, and the world stays as it is.
"""

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
from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_orchestrator.orders import Orders, orders
from tidegate_orchestrator.state import (
    AtStep,
    Baking,
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
    if rollout is None:
        return None
    standing = orders(workload)
    found = _fault_of_orders(workload, rollout, standing)
    if isinstance(rollout.phase, Ended):
        return found or _fault_of_end(rollout.phase, standing)
    return found or _fault_of_phase(rollout) or _fault_of_traffic(rollout)


def _fault_of_orders(workload: Workload, rollout: Rollout, standing: Orders) -> str | None:
    for order in standing.each:
        if order is not None and (order.revision > workload.revision or order.rollout != rollout.id):
            return "an order is newer than the decision that it follows from, or another rollout's"
    return None


def _fault_of_end(phase: Ended, standing: Orders) -> str | None:
    if phase.outcome == "RolloutSuperseded" or all(
        order is None or isinstance(order, RELEASES) for order in standing.each
    ):
        return None
    return "a rollout ended while an order still stands"


def _fault_of_phase(rollout: Rollout) -> str | None:
    phase, order = rollout.phase, rollout.pods.order
    if isinstance(phase, AtStep):
        return _fault_at_step(rollout, phase)
    if isinstance(phase, Ending):
        return _fault_of_ending(rollout, phase)
    if isinstance(phase, Preparing) and not isinstance(order, PrepareWorkload):
        return "the change is tried without the order to try it"
    if isinstance(phase, Clearing) and not isinstance(order, ReleaseWorkload):
        return "a release is waited for that nobody was told of"
    return None


def _fault_of_traffic(rollout: Rollout) -> str | None:
    shift = rollout.routes.order if rollout.routes is not None else None
    if not isinstance(shift, ShiftTraffic):
        return None
    if shift.weight_percent > 0 and shift.canary_revision is None:
        return "traffic is sent to a revision that nobody knows"
    return None if 0 <= shift.weight_percent <= WHOLE_PERCENT else f"a weight of {shift.weight_percent} %"


def _fault_at_step(rollout: Rollout, phase: AtStep) -> str | None:
    order, step = rollout.pods.order, phase.step
    if type(phase) in _WITH_BATCH and not (isinstance(order, ApplyBatch) and order.step == step):
        return f"step {step} is under way without its batch"
    if not (1 <= step <= len(rollout.plan) and rollout.stable_revision):
        return f"step {step} without a plan or a way back"
    return _fault_of_bake(rollout) if isinstance(phase, Baking) else None


def _fault_of_bake(rollout: Rollout) -> str | None:
    if rollout.step != len(rollout.plan) or rollout.request.bake is None:
        return "a bake before the last step is done, or one that nobody asked for"
    if rollout.with_traffic and rollout.share[0] != WHOLE_PERCENT and rollout.hold is None:
        return f"a bake while the stable pods get {WHOLE_PERCENT - rollout.share[0]} %"
    return None


def _fault_of_ending(rollout: Rollout, phase: Ending) -> str | None:
    if rollout.judge is not None and isinstance(rollout.judge.order, Analyse):
        return "an ending is still analysed"
    if phase.stage is Stage.RELEASING_PODS and not isinstance(rollout.pods.order, ReleaseWorkload):
        return "pods are being released without the order to do it"
    if phase.stage is Stage.RETURNING:
        return _fault_of_return(rollout)
    return _fault_of_promotion(rollout) if phase.stage is Stage.PROMOTING else None


def _fault_of_return(rollout: Rollout) -> str | None:
    order = rollout.pods.order
    if not isinstance(order, ApplyBatch) or not order.going_back or order.style != "partition":
        return "a batch goes back without the order to do it"
    return "pods go back that still get traffic" if rollout.routed and not rollout.quiet else None


def _fault_of_promotion(rollout: Rollout) -> str | None:
    if not isinstance(rollout.pods.order, PromoteWorkload) or rollout.pods.order.style == "partition":
        return "a workload is being promoted without the order to do it"
    if rollout.routed and rollout.share[0] != WHOLE_PERCENT:
        return f"a workload is being promoted while its stable pods get {WHOLE_PERCENT - rollout.share[0]} %"
    return None
