"""From counts to a metric's phase, and from the metrics' phases to the run's, in Argo's own order. Pure.

Called by `template_progress` after each measurement. A phase that is final stays: the caller measures the metric no
more.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from tidegate_contracts.templates import Phase, Rule
from tidegate_metrics_analyzer.argo.counting import Counts
from tidegate_metrics_analyzer.argo.metric import Limits

FINAL: Final = frozenset({"Successful", "Failed", "Inconclusive", "Error"})
BAD: Final = FINAL - {"Successful"}
_WORSE: Final[tuple[Phase, ...]] = ("Successful", "Running", "Pending", "Inconclusive", "Error", "Failed")


class Status(NamedTuple):
    phase: Phase
    rule: Rule
    reason: str = ""
    """The counts and limits that decided, in Argo's words."""


def metric_status(limits: Limits, counts: Counts, *, terminating: bool = False) -> Status:
    """Of a metric that is not final yet. The order of the checks is a part of the rules."""
    if counts.last is None:
        return Status("Successful", "terminated") if terminating else Status("Pending", "not_measured")
    exceeded = _exceeded(limits, counts)
    if exceeded is not None:
        return exceeded
    if limits.successes_end_it and counts.consecutive_success >= limits.consecutive_success_limit:
        return Status("Successful", "consecutive_success_limit", f"{counts.consecutive_success} successful in a row")
    if limits.count is not None and counts.count >= limits.count:
        return _used_up(limits, counts)
    return Status("Successful", "terminated") if terminating else Status("Running", "going_on")


def _exceeded(limits: Limits, counts: Counts) -> Status | None:
    """The limit that is exceeded; of several, the last one."""
    if counts.consecutive_error > limits.consecutive_error_limit:
        said = (
            f"consecutiveErrors ({counts.consecutive_error}) > consecutiveErrorLimit ({limits.consecutive_error_limit})"
        )
        return Status("Error", "consecutive_error_limit", said)
    if counts.inconclusive > limits.inconclusive_limit:
        said = f"inconclusive ({counts.inconclusive}) > inconclusiveLimit ({limits.inconclusive_limit})"
        return Status("Inconclusive", "inconclusive_limit", said)
    if limits.failures_end_it and counts.failed > limits.failure_limit:
        said = f"failed ({counts.failed}) > failureLimit ({limits.failure_limit})"
        return Status("Failed", "failure_limit", said)
    return None


def _used_up(limits: Limits, counts: Counts) -> Status:
    if not limits.successes_end_it:
        return Status("Successful", "count", f"{counts.successful} of {counts.count} measurements successful")
    said = f"never {limits.consecutive_success_limit} successful in a row in {counts.count} measurements"
    if limits.failures_end_it:
        return Status("Inconclusive", "count_undecided", said)
    return Status("Failed", "count_without_success", said)


def is_terminating(statuses: Iterable[tuple[Status, bool]]) -> bool:
    """Whether one metric has ended the run for all of them; the second of each says whether it is a dry run."""
    return any(status.phase in BAD and not dry_run for status, dry_run in statuses)


def run_phase(statuses: Sequence[tuple[Status, bool]]) -> Phase:
    """The worst phase of those that count, as soon as one of them is bad, and otherwise when all are final.

    Metrics in a dry run never make it worse, yet are waited for.
    """
    if is_terminating(statuses):
        return worst(status.phase for status, dry_run in statuses if status.phase in FINAL and not dry_run)
    if all(status.phase in FINAL for status, _ in statuses) and statuses:
        return "Successful"
    return "Running"


def worst(phases: Iterable[Phase]) -> Phase:
    return max(phases, key=_WORSE.index, default="Successful")


def is_worse(phase: Phase, than: Phase) -> bool:
    return _WORSE.index(phase) > _WORSE.index(than)
