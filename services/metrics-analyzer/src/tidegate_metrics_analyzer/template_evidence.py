"""A template's metrics as evidence: what was asked, what came back, which limits there were, and the rule that decided.

Pure; for `template_run` and `template_measure`. Texts are cut so that the largest analysis still fits into one event.
"""

import json
import math
from typing import Final

import msgspec

from tidegate_contracts.facts import Measurement
from tidegate_contracts.problem import printable
from tidegate_contracts.templates import Assessed, Phase
from tidegate_metrics_analyzer.argo.counting import Counts
from tidegate_metrics_analyzer.argo.metric import PlannedMetric
from tidegate_metrics_analyzer.argo.quirks import Reading
from tidegate_metrics_analyzer.argo.verdict import Status
from tidegate_metrics_analyzer.judge import Verdict, shortened
from tidegate_metrics_analyzer.question import Raw

WHOLE: Final = "analysis_templates"
"""The check of evidence on templates that can't be measured; the underscore keeps it apart from a request's checks."""

QUERY_BYTES_KEPT: Final = 1024
CONDITION_BYTES_KEPT: Final = 256
VALUE_LENGTH_KEPT: Final = 60
REASON_LENGTH_KEPT: Final = 400


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One metric so far."""

    metric: PlannedMetric
    query: str = ""
    """As it was last asked."""
    counts: Counts = Counts()
    status: Status = Status("Pending", "not_measured")


def verdict_of(phase: Phase, reading: Reading) -> Verdict | None:
    """None while it can't be said yet."""
    if phase in ("Pending", "Running"):
        return None
    if phase == "Successful":
        return "pass"
    return "fail" if phase == "Failed" or (phase == "Error" and reading.errors_fail) else "inconclusive"


def unmeasured(reason: str) -> Measurement:
    return Measurement(check=WHOLE, query="", verdict="inconclusive", reason=printable(reason))


def evidence(measured: Measured, reading: Reading) -> Measurement:
    counts = measured.counts
    return Measurement(
        check=printable(measured.metric.name)[:VALUE_LENGTH_KEPT],
        query=shortened(measured.query, QUERY_BYTES_KEPT),
        verdict=_verdict(measured.status, reading),
        reason=_reason(measured),
        values=counts.numbers,
        measured=counts.measured,
        failed=counts.failed,
        inconclusive=counts.inconclusive + counts.error,
        assessed=_assessed(measured),
    )


def _verdict(status: Status, reading: Reading) -> Verdict:
    """What another metric ended has said nothing, though it is called successful."""
    if status.rule == "terminated":
        return "inconclusive"
    return verdict_of(status.phase, reading) or "inconclusive"


def _assessed(measured: Measured) -> Assessed:
    metric, counts, limits = measured.metric, measured.counts, measured.metric.limits
    return Assessed(
        phase=measured.status.phase,
        rule=measured.status.rule,
        success_condition=shortened(metric.success_condition, CONDITION_BYTES_KEPT),
        failure_condition=shortened(metric.failure_condition, CONDITION_BYTES_KEPT),
        dry_run=metric.dry_run,
        count=limits.count,
        failure_limit=limits.failure_limit if limits.failures_end_it else None,
        inconclusive_limit=limits.inconclusive_limit,
        consecutive_error_limit=limits.consecutive_error_limit,
        consecutive_success_limit=limits.consecutive_success_limit,
        counted=counts.count,
        successful=counts.successful,
        failed=counts.failed,
        inconclusive=counts.inconclusive,
        errors=counts.error,
        consecutive_errors=counts.consecutive_error,
        consecutive_successes=counts.consecutive_success,
        samples=counts.samples,
    )


def _reason(measured: Measured) -> str:
    """One sentence for people, with the numbers that decided in Argo's words."""
    status, last = measured.status, measured.counts.last
    said = f"{status.phase} due to {status.reason}" if status.reason else _so_far(measured)
    if last is not None:
        said += f"; the last value was {last.value}" if last.value else ""
        said += f"; the last measurement said: {last.message}" if last.message else ""
    text = printable(said)
    return text if len(text) <= REASON_LENGTH_KEPT else text[: REASON_LENGTH_KEPT - 1] + "…"


def _so_far(measured: Measured) -> str:
    wanted = measured.metric.limits.count
    if measured.status.rule == "terminated":
        return f"ended by another metric after {measured.counts.count} measurements"
    return f"{measured.counts.count} of {'any number of' if wanted is None else wanted} measurements so far"


def text_of(raw: Raw) -> str:
    """A value for people."""
    text = printable(json.dumps(raw, separators=(",", ":"), ensure_ascii=False))
    return text if len(text) <= VALUE_LENGTH_KEPT else text[: VALUE_LENGTH_KEPT - 1] + "…"


def number_of(raw: Raw) -> float | None:
    """The value, where it comes down to one finite number."""
    one = raw[0] if isinstance(raw, list) and len(raw) == 1 else raw
    return one if isinstance(one, float) and math.isfinite(one) else None
