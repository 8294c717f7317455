"""How old an answer of Prometheus really is, by the stamps of the samples that it was read from. Pure.

Called by `prometheus`: a server answers for a series without a range with values that are up to five minutes old.
"""

import math
from typing import Final

import msgspec

from tidegate_metrics_analyzer.question import Answer, RangeAnswer, RangeQuestion

_MILLISECONDS: Final = 1000


def aged(answer: Answer, stamps: Answer) -> Answer:
    """No stamp means that the series does not exist: then it has no part in the answer."""
    oldest_s = min((stamp.value for stamp in stamps.samples), default=math.inf)
    return Answer(
        samples=tuple(msgspec.structs.replace(sample, at_s=min(sample.at_s, oldest_s)) for sample in answer.samples)
    )


def fresh(answer: RangeAnswer, stamps: RangeAnswer, question: RangeQuestion) -> RangeAnswer:
    """Without the points that were read from a sample older than the point before."""
    stale = {
        at_ms
        for series in stamps.series
        for at_ms, stamp_s in series.points
        if not stamp_s * _MILLISECONDS >= at_ms - question.spacing_ms
    }
    return RangeAnswer(
        series=tuple(
            msgspec.structs.replace(series, points=tuple(point for point in series.points if point.at_ms not in stale))
            for series in answer.series
        )
    )
