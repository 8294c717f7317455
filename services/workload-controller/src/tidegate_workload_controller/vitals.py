"""Whether a batch makes progress, stalls, degrades or recovers, over time.

Pure: what has to be remembered between two looks is in `Vitals`. `convergence` asks after each look.
"""

import msgspec
from msgspec.structs import replace

from tidegate_contracts.facts import BatchDegraded, BatchRecovered, BatchStalled, WorkloadFact
from tidegate_contracts.orders import ApplyBatch, PromoteWorkload, ReleaseWorkload
from tidegate_workload_controller.census import Census
from tidegate_workload_controller.symptoms import PODS_NAMED_MAX, Symptom, sentence

HOPELESS_AFTER_S = 3.0
"""How long pods may plainly not be able to start before that is believed."""

DEGRADED_AFTER_S = 5.0
"""How long a ready batch may miss ready pods before that is reported."""


PacedOrder = ApplyBatch | PromoteWorkload | ReleaseWorkload
"""Orders whose pods have to get ready by a deadline."""


class Vitals(msgspec.Struct, frozen=True):
    """What was seen before. Times are epoch seconds by our own clock, 0 where it never was."""

    mark: tuple[int, ...] = ()
    progressed_s: float = 0.0
    hopeless_s: float = 0.0
    unready_s: float = 0.0
    stalled: bool = False
    degraded: bool = False


class Finding(msgspec.Struct, frozen=True):
    vitals: Vitals
    facts: tuple[WorkloadFact, ...] = ()
    until_s: float | None = None


def unfinished(
    vitals: Vitals, order: PacedOrder, census: Census, ailments: tuple[Symptom, ...], now_s: float, *, awaited: str = ""
) -> Finding:
    """A batch that isn't ready yet: has it stalled?

    Args:
        vitals: What was seen before.
        order: What is carried out.
        census: Who is there.
        ailments: Why pods are not ready.
        now_s: Epoch seconds.
        awaited: What is waited for where that isn't pods.
    """
    mark = (census.replicas, census.new_told, -census.old_told, len(census.new), census.new_ready, census.available)
    if mark != vitals.mark:
        better = not vitals.mark or mark[0] != vitals.mark[0] or any(map(_more, mark, vitals.mark))
        vitals = replace(vitals, mark=mark, progressed_s=now_s if better else vitals.progressed_s)
    hopeless = any(ailment.hopeless for ailment in ailments)
    vitals = replace(vitals, hopeless_s=(vitals.hopeless_s or now_s) if hopeless else 0.0)
    if vitals.stalled:
        return Finding(vitals)
    due_s = vitals.progressed_s + order.progress_deadline_s
    if vitals.hopeless_s:
        due_s = min(due_s, vitals.hopeless_s + HOPELESS_AFTER_S)
    if now_s < due_s:
        return Finding(vitals, until_s=due_s)
    why = sentence(ailments) or _waited(order.progress_deadline_s, awaited)
    return Finding(replace(vitals, stalled=True), (stalled(order, census, ailments, why, now_s),))


def _waited(for_s: float, awaited: str) -> str:
    return f"waited {for_s:g} s for {awaited}" if awaited else f"no further pod got ready for {for_s:g} s"


def finished(vitals: Vitals, order: ApplyBatch, census: Census, now_s: float) -> Finding:
    """A batch that is ready, or ready again."""
    facts: tuple[WorkloadFact, ...] = ()
    if vitals.stalled or vitals.degraded:
        facts = (_recovered(order, census, now_s),)
    return Finding(replace(vitals, hopeless_s=0.0, unready_s=0.0, stalled=False, degraded=False), facts)


def falling_short(
    vitals: Vitals, order: ApplyBatch, census: Census, ailments: tuple[Symptom, ...], now_s: float, *, least: int
) -> Finding:
    """Pods that were ready, and may carry traffic: are there fewer now, for longer than a moment?"""
    if census.new_ready >= least:
        facts = (_recovered(order, census, now_s),) if vitals.degraded else ()
        return Finding(replace(vitals, unready_s=0.0, degraded=False), facts)
    vitals = replace(vitals, unready_s=vitals.unready_s or now_s)
    if vitals.degraded:
        return Finding(vitals)
    due_s = vitals.unready_s + DEGRADED_AFTER_S
    if now_s < due_s:
        return Finding(vitals, until_s=due_s)
    why = sentence(ailments) or f"{census.new_ready} of {least} pods that were ready still are"
    return Finding(replace(vitals, degraded=True), (_degraded(order, census, why, now_s),))


def both(first: Finding, second: Finding) -> Finding:
    """Two findings, the second made with the first one's vitals."""
    until_s = min((each for each in (first.until_s, second.until_s) if each is not None), default=None)
    return Finding(second.vitals, (*first.facts, *second.facts), until_s)


def stalled(order: PacedOrder, census: Census, ailments: tuple[Symptom, ...], why: str, now_s: float) -> BatchStalled:
    return BatchStalled(
        rollout=order.rollout,
        order_revision=order.revision,
        at_s=now_s,
        step=order.step,
        reason=why,
        pods=tuple(ailment.pod for ailment in ailments)[:PODS_NAMED_MAX],
        counts=census.counts,
    )


def _degraded(order: ApplyBatch, census: Census, why: str, now_s: float) -> BatchDegraded:
    return BatchDegraded(
        rollout=order.rollout,
        order_revision=order.revision,
        at_s=now_s,
        step=order.step,
        reason=why,
        counts=census.counts,
    )


def _recovered(order: ApplyBatch, census: Census, now_s: float) -> BatchRecovered:
    return BatchRecovered(
        rollout=order.rollout, order_revision=order.revision, at_s=now_s, step=order.step, counts=census.counts
    )


def _more(now: int, before: int) -> bool:
    return now > before
