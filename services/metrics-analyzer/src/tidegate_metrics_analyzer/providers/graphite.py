"""Graphite as a metric provider: its render API. Asked by `measure` through `structured`.

The query is Argo's `graphite` block: a query string such as `target=…&from=-5min`. Without a `from` it is the window.
"""

import re
from typing import ClassVar, Final
from urllib.parse import parse_qsl

import msgspec
from yarl import URL

from tidegate_chassis.settings import Settings
from tidegate_metrics_analyzer.outbound.request import Request
from tidegate_metrics_analyzer.providers.found import Found, of_points
from tidegate_metrics_analyzer.providers.structured import Structured, authorized, configured
from tidegate_metrics_analyzer.question import Question, Raw, Unusable

DEFAULT_LOOK_BACK_S: Final = 86_400.0
"""Of a `from` that is not understood."""

_FROM: Final = re.compile(r"-(\d{1,9})(s|sec|seconds?|min|minutes?|h|hours?|d|days?|w|weeks?)", re.ASCII)
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class GraphiteSettings(Settings, frozen=True, kw_only=True):
    graphite_url: str = ""
    graphite_token_file: str = ""
    """A bearer token; empty: none is sent."""


class GraphiteDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    query: str
    address: str = ""


class _Target(msgspec.Struct, frozen=True):
    datapoints: list[tuple[float | None, float]]


_REPLY: Final = msgspec.json.Decoder(list[_Target])


class Graphite(Structured[GraphiteDocument]):
    NAME: ClassVar = "graphite"
    SETTINGS: ClassVar = GraphiteSettings
    DOCUMENT: ClassVar = GraphiteDocument

    @classmethod
    def addresses(cls, settings: GraphiteSettings) -> tuple[str, ...]:
        return configured("TIDEGATE_GRAPHITE_URL", settings.graphite_url)

    def check(self, document: GraphiteDocument) -> None:
        names = [name for name, _ in _parameters(document)]
        if "target" not in names or set(names) - {"target", "from", "until"} or names.count("from") > 1:
            raise ValueError("the query is written as target=…&from=…, and may say until")
        if document.address and URL(document.address) != URL(self.settings.graphite_url):
            raise ValueError("the address is not the one that is configured (TIDEGATE_GRAPHITE_URL)")

    def look_back_s(self, document: GraphiteDocument) -> float:
        text = dict(_parameters(document)).get("from", "")
        found = _FROM.fullmatch(text)
        if found:
            return float(found[1]) * _UNIT_S[found[2][0]]
        return DEFAULT_LOOK_BACK_S if text and "{{" not in text else 0.0

    def request(self, document: GraphiteDocument, question: Question) -> Request:
        settings: GraphiteSettings = self.settings
        parameters = _parameters(document)
        if "from" not in dict(parameters):
            parameters.append(("from", f"-{max(1, int(question.window_s))}s"))
        caller = authorized(settings.graphite_token_file, "TIDEGATE_GRAPHITE_TOKEN_FILE", "Bearer ")
        return Request(
            url=str((URL(settings.graphite_url) / "render").with_query([*parameters, ("format", "json")])),
            headers=caller.headers,
            credentials=caller.credentials,
        )

    def found(self, document: GraphiteDocument, body: bytes, question: Question) -> Found | Unusable:
        """Argo takes all points of the first series; a range judges the latest point of the only one."""
        series = [[(at_s, value) for value, at_s in one.datapoints] for one in _REPLY.decode(body)]
        raw: list[Raw] = [value for _, value in series[0] if value is not None] if series else []
        return of_points(raw, series)


def _parameters(document: GraphiteDocument) -> list[tuple[str, str]]:
    return parse_qsl(" ".join(document.query.split()), keep_blank_values=True, max_num_fields=64)
