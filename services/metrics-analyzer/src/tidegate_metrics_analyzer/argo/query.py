"""What a metric's provider is asked: its block as the text that metric providers take. Pure.

Called by `template_measure`. Prometheus takes a query alone as PromQL. All others take the block as a JSON object,
under the lower-case name of its key; a range's start and end are expressions, whose moments are written into it.
"""

from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from tidegate_metrics_analyzer.argo.arguments import STANDS_FOR_A_SECRET
from tidegate_metrics_analyzer.argo.metric import PlannedMetric
from tidegate_metrics_analyzer.expr import Fault, compile_expression
from tidegate_metrics_analyzer.question import Raw, Unusable

PROMETHEUS: Final = "prometheus"
RESULTS_OF_NUMBERS: Final = frozenset({PROMETHEUS, "graphite"})
"""Whose lists hold numbers and nothing else, which the conditions' types depend on."""

_IGNORED: Final = frozenset({"timeout"})
"""Said by the operator for all queries alike."""

_SAYS_NOTHING: Final = ("", None, False)
"""Fields of Prometheus' block that are written out and mean what they would mean left out."""

_OF_THE_CONNECTION: Final = frozenset({"authentication", "insecure"})
"""Fields of any provider's block that nobody serves, and that are often written out empty."""


class Asking(NamedTuple):
    provider: str
    text: str


def asking(metric: PlannedMetric, now: datetime) -> Asking | Unusable:
    provider = metric.provider.lower()
    if provider != PROMETHEUS:
        served = {name: value for name, value in metric.block.items() if not _is_idle(name, value)}
        return Asking(provider, _json(served))
    said = {
        name: value for name, value in metric.block.items() if value not in _SAYS_NOTHING and not _is_idle(name, value)
    }
    block = {name: value for name, value in said.items() if name not in _IGNORED}
    query = block.get("query")
    if STANDS_FOR_A_SECRET in str(block):
        return Unusable("a secret can't stand in a query of Prometheus, which logs and shows them")
    if set(block) == {"query"} and isinstance(query, str):
        return Asking(provider, query)
    if "rangeQuery" in block:
        times = _times(block["rangeQuery"], now)
        if isinstance(times, Unusable):
            return times
        block["rangeQuery"] = times
    return Asking(provider, _json(block))


def result_of(provider: str, raw: Raw) -> Any:
    """The value as the conditions' `result`."""
    return tuple(raw) if provider in RESULTS_OF_NUMBERS and isinstance(raw, list) else raw


def _is_idle(name: str, value: Any) -> bool:
    return name in _OF_THE_CONNECTION and _says_nothing(value)


def _says_nothing(value: Any) -> bool:
    """As in Go, where a field that is left out has its empty value. It nests as deep as the template may."""
    if isinstance(value, dict):
        return all(map(_says_nothing, value.values()))
    return value in (*_SAYS_NOTHING, [])


def _times(asked: Any, now: datetime) -> dict[str, Any] | Unusable:
    if not isinstance(asked, dict):
        return Unusable("rangeQuery has no start and end")
    times = dict(asked)
    for name in ("start", "end"):
        compiled = compile_expression(str(asked.get(name, "")))
        moment = compiled if isinstance(compiled, Fault) else compiled.moment(now)
        if isinstance(moment, Fault):
            return Unusable(f"rangeQuery.{name} is no moment: {moment.message}")
        times[name] = moment.timestamp()
    return times


def _json(block: dict[str, Any]) -> str:
    return msgspec.json.encode(block).decode()
