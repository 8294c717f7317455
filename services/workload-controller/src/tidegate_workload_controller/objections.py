"""What keeps an order from being carried out: the workload is not what the rollout stands on any more.

Pure; `convergence` asks first of all. An objection is reported once and then waited out: nothing is written while it
stands, and the order goes on by itself when the workload is again as it should be.
"""

from tidegate_contracts.facts import WorkloadChanged, WorkloadFact, WorkloadGone
from tidegate_contracts.orders import ApplyBatch
from tidegate_workload_controller import marks
from tidegate_workload_controller.memory import Objection
from tidegate_workload_controller.parking import is_parked
from tidegate_workload_controller.saved import saved_on
from tidegate_workload_controller.seen import View

GONE = "the workload was deleted"
TEMPLATE = "the pod template"


def foreign_change(  # noqa: PLR0911 - one return per objection is the clearest table
    order: ApplyBatch, view: View | None, uid: str
) -> Objection | None:
    """What somebody else did to the workload that this order can't go on with."""
    if view is None or view.workload.metadata.deletion_timestamp is not None:
        return Objection(GONE)
    workload = view.workload
    if uid and workload.metadata.uid != uid:
        return Objection(GONE)
    if workload.fence > order.revision:
        what = f"the mark {marks.ORDER_REVISION} is {workload.fence}, newer than this order's {order.revision}"
        return Objection(what, view.changed_by)
    if not is_touched(order, view):
        lost = order.canary_revision is not None
        if lost:
            return Objection("the rollout's marks were removed from the workload", view.changed_by)
        return Objection(TEMPLATE, view.changed_by) if view.base_differs else None
    saved = saved_on(workload)
    if saved is None:
        return Objection(f"the mark {marks.SAVED_STRATEGY} is missing or unreadable", view.changed_by)
    if view.template_digest not in {None, order.template_digest} and not is_parked(order, view, saved):
        return Objection(TEMPLATE, view.changed_by)
    return None


def is_touched(order: ApplyBatch, view: View) -> bool:
    """Whether the workload carries this rollout's hold."""
    return view.workload.metadata.annotations.get(marks.ROLLOUT) == order.rollout


def objection_fact(order: ApplyBatch, objection: Objection, now_s: float) -> WorkloadFact:
    if objection.what == GONE:
        return WorkloadGone(rollout=order.rollout, order_revision=order.revision, at_s=now_s)
    return WorkloadChanged(
        rollout=order.rollout,
        order_revision=order.revision,
        at_s=now_s,
        what=objection.what,
        by=objection.by or "unknown",
    )


def edited_hold(view: View) -> Objection:
    return Objection(f"the fields that hold the workload ({view.hold.described})", view.changed_by)
