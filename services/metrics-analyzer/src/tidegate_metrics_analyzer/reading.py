"""Whether an answer holds exactly one value that may be judged. Pure; called by `measure` for every answer.

Everything doubtful ends here: whatever does not come out as a finite number of the asked moment and of the asked
revision is `Unusable`, and `judge` never lets that pass.
"""

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from tidegate_contracts.problem import printable
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer.question import Answer, Question, Reading, Sample, Subject, Unusable

MAGNITUDE_MAX: Final = 1e100
"""Nothing that is measured is larger: beyond it stands an overflow, not a value."""

CLOCK_SKEW_S_MAX: Final = 5.0
"""A sample may be this much ahead of our own clock."""

REVISION_LABELS: Final = ("revision", "pod_template_hash", "label_pod_template_hash")


def read(answer: Answer | Unusable, question: Question) -> Reading:
    """The one value that the answer holds, or why it holds none."""
    if isinstance(answer, Unusable):
        return answer
    if not answer.samples:
        return Unusable("no data: the query matched no series")
    if len(answer.samples) > 1:
        return Unusable(f"{len(answer.samples)} series where one value was expected: aggregate them in the query")
    sample = answer.samples[0]
    reason = _doubt(sample, question) or foreign(sample.labels, question.subject)
    return Unusable(reason) if reason else sample.value


def with_samples(value: Reading, count: Reading | None, check: Check) -> Reading:
    """The value, unless too few events stand behind it; `count` is None where the check asks for no count."""
    if count is None or isinstance(value, Unusable):
        return value
    if isinstance(count, Unusable):
        return msgspec.structs.replace(count, reason=f"the number of samples is not known: {count.reason}")
    if count < check.minimum_samples:
        return Unusable(f"too few samples: {count:g} of at least {check.minimum_samples:g}")
    return value


def _doubt(sample: Sample, question: Question) -> str | None:
    if math.isnan(sample.value):
        return "the value is not a number (NaN)"
    if math.isinf(sample.value) or abs(sample.value) > MAGNITUDE_MAX:
        return f"the value is not finite ({sample.value:g})"
    if math.isnan(sample.at_s) or sample.at_s > question.at_s + CLOCK_SKEW_S_MAX:
        return "the sample is from the future"
    if sample.at_s < question.at_s - question.window_s:
        age_s = question.at_s - sample.at_s
        return f"stale: the sample is {age_s:.1f} s old, older than the window of {question.window_s:.1f} s"
    return None


def foreign(labels: Mapping[str, str], subject: Subject) -> str | None:
    """Why a series with these labels is not the subject's; None where nothing says so."""
    namespace = labels.get("namespace")
    if namespace is not None and namespace != subject.namespace:
        return f"the series is of another namespace: {printable(namespace)}"
    for label in REVISION_LABELS:
        revision = labels.get(label)
        if revision is not None and revision != subject.revision:
            return f"the series is of another revision: {label}={printable(revision)}"
    return None
