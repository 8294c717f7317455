"""From two ranges of points to the pairs that may be judged, or why there are none. Pure; called by `comparing`.

Strict as `reading` is: points that were not asked for, twice the same moment, an order that is none, or a series of
another revision make the whole answer unusable. A moment without a finite value of both has no pair.
"""

import math
from typing import NamedTuple

import msgspec

from tidegate_metrics_analyzer.comparison import Pair, Samples
from tidegate_metrics_analyzer.question import RangeAnswer, RangeQuestion, Unusable
from tidegate_metrics_analyzer.reading import MAGNITUDE_MAX, foreign

Values = dict[int, float]
"""By the moment, in epoch milliseconds."""


class Read(NamedTuple):
    question: RangeQuestion
    values: Values | Unusable


class Paired(NamedTuple):
    samples: Samples | None
    """None where there is not a single pair."""
    doubt: Unusable | None
    """Why the latest moment has no pair: then nothing is known of now, and the check can't pass."""


def read(answer: RangeAnswer | Unusable, question: RangeQuestion) -> Values | Unusable:
    """The finite values of the one series, each at a moment that was asked for."""
    if isinstance(answer, Unusable):
        return answer
    if not answer.series:
        return Unusable("no data: the query matched no series")
    if len(answer.series) > 1:
        return Unusable(f"{len(answer.series)} series where one was expected: aggregate them in the query")
    (series,) = answer.series
    if fault := foreign(series.labels, question.subject):
        return Unusable(fault)
    before_ms = question.first_ms - 1
    for point in series.points:
        if not before_ms < point.at_ms <= question.last_ms or (point.at_ms - question.first_ms) % question.spacing_ms:
            return Unusable("a point out of order, given twice, or of a moment that was not asked for")
        before_ms = point.at_ms
    return {point.at_ms: point.value for point in series.points if _is_usable(point.value)}


def pair(canary: Read, stable: Read) -> Paired:
    """Both asked for the very same moments."""
    doubt = _doubt("the new revision", canary) or _doubt("the stable revision", stable)
    if isinstance(canary.values, Unusable) or isinstance(stable.values, Unusable):
        return Paired(None, doubt)
    common = sorted(canary.values.keys() & stable.values.keys())
    if not common:
        return Paired(None, doubt or Unusable("the revisions have no moment in common"))
    samples = Samples(
        pairs=tuple(Pair(canary.values[moment], stable.values[moment]) for moment in common),
        canary_points=len(canary.values),
        stable_points=len(stable.values),
    )
    return Paired(samples, doubt)


def _doubt(whose: str, read: Read) -> Unusable | None:
    revision = read.question.subject.revision
    if isinstance(read.values, Unusable):
        return msgspec.structs.replace(read.values, reason=f"{whose} ({revision}): {read.values.reason}")
    if read.question.last_ms not in read.values:
        return Unusable(f"{whose} ({revision}): no usable value at the last of {read.question.moments} moments")
    return None


def _is_usable(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= MAGNITUDE_MAX
