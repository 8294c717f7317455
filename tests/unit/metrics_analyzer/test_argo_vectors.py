"""What Argo Rollouts v1.10.2 itself said, asked with random limits and outcomes: the same is said here.

The answers are those of its `assessMetricStatus` after each measurement until one is final, and of `ValidateMetric`.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from tidegate_contracts.templates import Phase
from tidegate_metrics_analyzer.argo import quirks, validate
from tidegate_metrics_analyzer.argo.counting import Counts, Taken, absorb
from tidegate_metrics_analyzer.argo.metric import limits_of
from tidegate_metrics_analyzer.argo.template import Metric, Specification
from tidegate_metrics_analyzer.argo.verdict import FINAL, metric_status

VECTORS = json.loads((Path(__file__).parents[2] / "support" / "argo_vectors.json").read_text(encoding="utf-8"))
OUTCOMES: dict[str, Phase] = {"S": "Successful", "F": "Failed", "I": "Inconclusive", "E": "Error"}
LIMITS = ("failureLimit", "inconclusiveLimit", "consecutiveErrorLimit", "consecutiveSuccessLimit")


def metric(**fields: Any) -> Metric:
    return msgspec.convert({"name": "m", "provider": {"prometheus": {}}} | fields, Metric)


def phase(fields: list[Any], outcomes: str, *, terminating: bool) -> Phase:
    """The first final phase; only the last measurement finds the run terminating."""
    with_interval, count, *given = fields
    named = dict(zip(LIMITS, given, strict=True))
    limits = limits_of(metric(interval="1s" if with_interval else "", count=count, **named))
    counts = Counts()
    status = metric_status(limits, counts, terminating=terminating and not outcomes)
    for number, outcome in enumerate(outcomes):
        counts = absorb(counts, Taken(phase=OUTCOMES[outcome], started_at_s=number, finished_at_s=number), 10)
        status = metric_status(limits, counts, terminating=terminating and number == len(outcomes) - 1)
        if status.phase in FINAL:
            break
    return status.phase


def test_each_metric_is_decided_as_argo_decides() -> None:
    wrong = [
        (fields, outcomes, said)
        for *fields, outcomes, terminating, said in VECTORS["verdicts"]
        if phase(fields, outcomes, terminating=terminating) != said
    ]
    assert (wrong, len(VECTORS["verdicts"])) == ([], 1200)


def test_each_metric_is_accepted_or_refused_as_argo_does() -> None:
    names = ("interval", "initialDelay", "count", *LIMITS)
    wrong = [
        (fields, said)
        for *fields, said in VECTORS["metrics"]
        if _is_accepted(metric(**dict(zip(names, fields, strict=True)))) != said
    ]
    assert (wrong, len(VECTORS["metrics"])) == ([], 800)


def _is_accepted(asked: Metric) -> bool:
    return not any(validate.problems(Specification(metrics=(asked,)), quirks.ARGO))
