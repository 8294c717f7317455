"""What keeps an order from being carried out: the workload is not what the rollout stands on any more.

Pure; `convergence`, `beside` and `promotion` ask first of all. An objection is reported once and then waited out:
nothing is written while it stands, and the order goes on by itself when the workload is again as it should be.
"""

from typing import Final

from msgspec.structs import replace

from tidegate_contracts.facts import WorkloadChanged, WorkloadFact, WorkloadGone
from tidegate_contracts.orders import ApplyBatch, PromoteWorkload
from tidegate_workload_controller import marks
from tidegate_workload_controller.actions import Action, Decision, Report
from tidegate_workload_controller.memory import Memory, Objection
from tidegate_workload_controller.parking import is_parked
from tidegate_workload_controller.saved import Saved, saved_on
from tidegate_workload_controller.seen import View

GONE: Final = "the workload was deleted"
TEMPLATE: Final = "the pod template"

REPAIR_TOLD_AGAIN_S: Final = 60.0
"""How long nothing more is said of what is put back again: a tool that insists does so every few seconds."""

Rolling = ApplyBatch | PromoteWorkload
"""The orders that stand on a workload whose template nobody else changes."""


def foreign_change(  # noqa: PLR0911 - one return per objection is the clearest table
    order: Rolling, view: View | None, uid: str
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
    if view.template_digest is not None and not _is_expected(order, view, saved):
        return Objection(TEMPLATE, view.changed_by)
    return None


def _is_expected(order: Rolling, view: View, saved: Saved) -> bool:
    """Whether the template is the rollout's, or still the stable one where nothing was asked of the workload itself."""
    if saved.nothing and order.change is not None:
        return view.template_digest == view.digests.get(order.stable_revision)
    return view.template_digest == order.template_digest or is_parked(order, view, saved)


def is_touched(order: Rolling, view: View) -> bool:
    """Whether the workload carries this rollout's hold."""
    return view.workload.metadata.annotations.get(marks.ROLLOUT) == order.rollout


def objected(
    order: Rolling, view: View | None, objection: Objection | None, memory: Memory, now_s: float
) -> Decision[Memory]:
    """Say once what is wrong, and write nothing more while it is."""
    if objection is None or (memory.objection is not None and memory.objection.what == objection.what):
        return Decision(memory)
    if view is not None and not view.live:
        return Decision(memory, look_live=True)
    fact = objection_fact(order, objection, now_s)
    return Decision(replace(memory, objection=objection), actions=(Report(fact),))


def put_back(order: Rolling, objection: Objection, repair: Action, memory: Memory, now_s: float) -> Decision[Memory]:
    """Undo what somebody did to our own fields, as often as they do: without, the workload goes past the step.

    It is said, so that people can decide who is to give in; the rollout stands until they have.
    """
    if memory.repair_told_s is not None and now_s < memory.repair_told_s + REPAIR_TOLD_AGAIN_S:
        return Decision(memory, (repair,))
    said = Report(objection_fact(order, objection, now_s))
    return Decision(replace(memory, repair_told_s=now_s), (repair, said))


def objection_fact(order: Rolling, objection: Objection, now_s: float) -> WorkloadFact:
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
