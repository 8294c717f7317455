"""Trying a change of a workload on the API server, without making it: what would come out, or why it can't be done.

Used by `held` for PrepareWorkload orders. Everything that the requester can mend is answered with the
field, the value, the rule and the remedy.
"""

from tidegate_chassis.errors import Permanent, Transient
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_contracts.facts import WorkloadPrepared, WorkloadRefused
from tidegate_contracts.orders import PrepareWorkload
from tidegate_contracts.problem import Problem, printable
from tidegate_contracts.rollout import Change
from tidegate_workload_controller import marks
from tidegate_workload_controller.census import count, revision_of, stable_of
from tidegate_workload_controller.extra import is_ours
from tidegate_workload_controller.fitness import unfit
from tidegate_workload_controller.hold import own_values
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.beside import BesideWriter
from tidegate_workload_controller.kinds.keeping import ensure_kept
from tidegate_workload_controller.kinds.protocol import Prepared
from tidegate_workload_controller.kinds.reading import raw_template
from tidegate_workload_controller.saved import saved_on
from tidegate_workload_controller.seen import Sight, View
from tidegate_workload_controller.template import Json, change_patch, changed, digest, unknown_container


async def prepare(
    client: KubernetesClient,
    anatomy: Anatomy,
    order: PrepareWorkload,
    sight: Sight,
    *,
    template: Json,
    beside: BesideWriter,
    patient: bool,
    now_s: float,
) -> Prepared:
    """Try an order's change.

    Args:
        client: How to reach the API server.
        anatomy: What its kind is made of.
        order: What was asked for.
        sight: The workload and what is beside it, read live.
        template: Its pod template.
        beside: Tries what would come beside it.
        patient: Whether what time may mend is raised as Transient instead of refused.
        now_s: Epoch seconds.
    """
    view = sight.own
    if view is None or view.workload.metadata.deletion_timestamp is not None:
        return _refused(order, _missing(order), now_s)
    problem = _unknown_style(order, anatomy) or unfit(order, view, template) or _namesake(order, sight)
    if problem is None and order.change is not None:
        problem = unknown_container(template, order.change)
    if problem is not None:
        return _refused(order, problem, now_s)
    try:
        wanted = await _outcome(client, anatomy, order.change, view, template)
        if anatomy.is_beside(order.style):
            await _try_beside(order, view, sight, beside, wanted)
    except Permanent as error:
        return _refused(order, _as_problem(error), now_s)
    stable = _stable(order, view, wanted)
    hindrance = _hindrance(order, anatomy, view, stable, wanted)
    if hindrance is None:
        assert stable is not None, "a hindrance otherwise"
        return _prepared(order, view, stable, wanted, now_s)
    problem, passing = hindrance
    if patient and passing:
        raise Transient(passing)
    return _refused(order, problem, now_s)


def _hindrance(
    order: PrepareWorkload, anatomy: Anatomy, view: View, stable: str | None, wanted: str
) -> tuple[Problem, str] | None:
    """Why the change can't be rolled out now, and what of that time may mend."""
    if stable is None:
        return _nothing_stable(order), "the workload has no revision yet"
    if anatomy.is_beside(order.style) and _is_updating(order, view, stable):
        return _own_update(order), "the workload's own update is under way"
    if view.digests.get(stable) == wanted and saved_on(view.workload) is None:
        return _nothing_new(order), ""
    return None


async def _outcome(
    client: KubernetesClient, anatomy: Anatomy, change: Change | None, view: View, template: Json
) -> str:
    """The digest of the template that the change would lead to."""
    metadata = view.workload.metadata
    held: Json = {}
    if anatomy.merges_strategically:
        if change is None:
            return digest(template)
        body, style = {"spec": {"template": change_patch(template, change)}}, PatchStyle.STRATEGIC
    else:
        held = view.hold.moving(own_values(view.hold, view.workload))
        after = changed(template, change) if change is not None else template
        body, style = {"spec": {"template": after, **held}}, PatchStyle.MERGE
    answer = await client.patch(anatomy.resource, metadata.namespace, metadata.name, body, style=style, dry_run=True)
    if isinstance(answer, NotFound):
        raise Transient("the workload has just been deleted")
    ensure_kept(held, answer, anatomy.resource.kind)
    return digest(raw_template(answer))


async def _try_beside(order: PrepareWorkload, view: View, sight: Sight, beside: BesideWriter, wanted: str) -> None:
    """What comes beside the workload has to be allowed there, and to be the same version as on it."""
    seen = sight.extra.workload if sight.extra is not None else None
    if seen is not None and seen.metadata.deletion_timestamp is not None:
        return  # of an earlier rollout: it is waited for later, and what comes then is tried again
    _, outcome = await beside.tried(order, view.workload, seen)
    if outcome != wanted:
        raise Permanent(
            "the change leads to another template beside the workload",
            code="beside-differs",
            field="change",
            value=printable(order.change or "none"),
            rule="leads to the same pod template beside the workload as on it",
            remedy="Give the change as images, or roll out in the style partition.",
        )


def _unknown_style(order: PrepareWorkload, anatomy: Anatomy) -> Problem | None:
    if order.style in anatomy.styles:
        return None
    return Problem(
        field="strategy",
        value=order.style,
        rule=f"one of {', '.join(anatomy.styles)} for a {anatomy.resource.kind}",
        remedy="Choose one of these.",
    )


def _namesake(order: PrepareWorkload, sight: Sight) -> Problem | None:
    """Somebody else's workload under the name that the pods beside need."""
    if sight.own is None or sight.extra is None or is_ours(sight.extra.workload, sight.own.workload):
        return None
    return Problem(
        field="strategy",
        value=order.style,
        rule=f"no {order.workload.kind} named {sight.extra.workload.metadata.name}, which is what the new pods come in",
        remedy="Rename or delete it, or choose another strategy.",
    )


def _stable(order: PrepareWorkload, view: View, wanted: str) -> str | None:
    """The revision to go back to: the one that an earlier rollout saved, or what carries the workload now."""
    saved = view.workload.metadata.annotations.get(marks.STABLE_REVISION)
    if saved is not None and saved in view.digests:
        return saved
    adopted = revision_of(view, wanted) if order.change is None else None
    return stable_of(view, besides=adopted) or adopted


def _is_updating(order: PrepareWorkload, view: View, stable: str) -> bool:
    """Whether the workload itself is on its way to a version that most of its pods don't run yet."""
    free = saved_on(view.workload) is None and order.change is not None
    return free and view.digests.get(stable) != view.template_digest


def _prepared(order: PrepareWorkload, view: View, stable: str, wanted: str, now_s: float) -> WorkloadPrepared:
    hold = view.hold
    saved = own_values(hold, view.workload)
    new = revision_of(view, wanted)
    min_ready_s = hold.min_ready_s(view.workload, saved)
    census = count(view, new=new if new != stable else None, stable=stable, min_ready_s=min_ready_s, now_s=now_s)
    return WorkloadPrepared(
        rollout=order.rollout,
        order_revision=order.revision,
        at_s=now_s,
        stable_revision=stable,
        template_digest=wanted,
        counts=census.counts,
        surge_possible=order.style != "partition" or hold.surges(view.workload, saved),
    )


def _refused(order: PrepareWorkload, problem: Problem, now_s: float) -> WorkloadRefused:
    return WorkloadRefused(rollout=order.rollout, order_revision=order.revision, at_s=now_s, problem=problem)


def _missing(order: PrepareWorkload) -> Problem:
    return Problem(
        field="workload.name",
        value=order.workload.name,
        rule=f"an existing {order.workload.kind} that is not being deleted",
        remedy="Name an existing workload, in the namespace of the request's subject.",
    )


def _nothing_new(order: PrepareWorkload) -> Problem:
    if order.change is None:
        return Problem(
            field="change",
            value="none",
            rule="without a change the workload carries a new template that was not rolled out, as a paused one does",
            remedy="Pause the workload and change its template, or give the change in the request.",
        )
    return Problem(
        field="change",
        value=printable(order.change.images or "template_patch"),
        rule="leads to another pod template than the one that runs",
        remedy="There is nothing to roll out; give another image or patch.",
    )


def _own_update(order: PrepareWorkload) -> Problem:
    return Problem(
        field="strategy",
        value=order.style,
        rule="a workload that runs its own template, since it is left alone while new pods come beside it",
        remedy="Wait for the end of its own update, leave the change out where it is paused, or use partition.",
    )


def _nothing_stable(order: PrepareWorkload) -> Problem:
    return Problem(
        field="workload.name",
        value=order.workload.name,
        rule="a workload that runs a version to come from and to go back to",
        remedy="Let its first version come up, then ask again.",
    )


def _as_problem(error: Permanent) -> Problem:
    return Problem(
        field=error.field or "change",
        value=printable(error.value),
        rule=printable(error.rule or error.reason),
        remedy=printable(error.remedy or "Change what the API server refuses, and ask again."),
    )
