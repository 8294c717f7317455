"""One look at a check that compares: the query asked twice over the step's own time, paired, and judged. Never raises.

Called by `measure` in place of a single measurement. `moments` says when, `pairing` reads, `comparison` judges.
"""

from typing import Final

import msgspec

from tidegate_contracts import names
from tidegate_contracts.comparison import Comparison
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer import comparison, moments, pairing
from tidegate_metrics_analyzer.asking import answered
from tidegate_metrics_analyzer.comparison import Judged
from tidegate_metrics_analyzer.provider import MetricProvider, RangeProvider
from tidegate_metrics_analyzer.question import RangeQuestion, Subject, Unusable

ENDS: Final = "[a-z0-9]+"


def fault(check: Check, provider: MetricProvider, subject: Subject) -> str | None:
    """What makes the comparison impossible, however long it is tried."""
    if not isinstance(provider, RangeProvider):
        return f"the metric provider {check.provider!r} knows no past values: it can't compare"
    if subject.revision == subject.stable_revision:
        return f"the new revision is the stable one ({subject.stable_revision}): there is nothing to compare"
    return None


async def compared(
    check: Check, compare: Comparison, provider: RangeProvider, subject: Subject, *, since_s: float, now_s: float
) -> tuple[str, Judged | Unusable]:
    """The canary's query as it was asked, and what came of it."""
    reach = provider.reach(check.query)
    count = moments.count(check, reach, since_s, now_s)
    if count == 0:
        return check.query, Unusable("too early: the step has only just begun")
    reads = []
    for asked_of in sides(subject):
        query = provider.render(check.query, asked_of, check.window_s)
        question = RangeQuestion(
            query=check.query if isinstance(query, Unusable) else query,
            subject=asked_of,
            first_ms=moments.first_ms(check, reach, since_s),
            spacing_ms=moments.spacing_ms(check, reach),
            moments=count,
        )
        answer = query if isinstance(query, Unusable) else await answered(check.provider, provider.ask_range(question))
        reads.append(pairing.Read(question, pairing.read(answer, question)))
    canary, stable = reads
    return canary.question.query, _judged(pairing.pair(canary, stable), compare)


def sides(subject: Subject) -> tuple[Subject, Subject]:
    """The canary and what it is compared with. Pods have random ends, and a Deployment's the revision before that."""
    canary = f"{subject.workload}(-canary)?-{subject.revision}-{ENDS}"
    baseline = f"{names.baseline_name(subject.workload)}-{ENDS}"
    return (
        msgspec.structs.replace(subject, pods=canary),
        msgspec.structs.replace(subject, revision=subject.stable_revision, pods=baseline),
    )


def _judged(paired: pairing.Paired, compare: Comparison) -> Judged | Unusable:
    """A failure stands whatever is missing since; a pass needs the latest moment, too."""
    if paired.samples is not None:
        judged = comparison.judge(paired.samples, compare)
        if judged.verdict == "fail" or paired.doubt is None:
            return judged
    return paired.doubt or Unusable("there is no pair of values")
