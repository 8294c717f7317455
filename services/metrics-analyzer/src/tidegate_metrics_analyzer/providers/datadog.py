"""Datadog as a metric provider, both versions of its query API. Asked by `measure` through `structured`.

The query is Argo's `datadog` block; the look-back is the window where it names no `interval`.
"""

from typing import Any, ClassVar, Final, Literal

import msgspec
from yarl import URL

from tidegate_chassis.settings import Settings
from tidegate_metrics_analyzer import durations
from tidegate_metrics_analyzer.outbound.request import Request
from tidegate_metrics_analyzer.providers.found import Found, of_points, of_value
from tidegate_metrics_analyzer.providers.structured import Structured, configured, credential, span_s
from tidegate_metrics_analyzer.question import Question, Raw, Unanswered, Unusable

_MILLISECONDS: Final = 1000
QUERIES_MAX: Final = 20

Aggregator = Literal["avg", "min", "max", "sum", "last", "percentile", "mean", "l2norm", "area"]


class DatadogSettings(Settings, frozen=True, kw_only=True):
    datadog_url: str = "https://api.datadoghq.com"
    datadog_api_key_file: str = ""
    datadog_application_key_file: str = ""


class DatadogDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    api_version: Literal["v1", "v2"] = "v1"
    query: str = ""
    queries: dict[str, str] = {}
    formula: str = ""
    interval: str = ""
    aggregator: Aggregator = "last"


class _Series(msgspec.Struct, frozen=True):
    pointlist: list[tuple[float, float | None]]


class _Version1(msgspec.Struct, frozen=True):
    status: Literal["ok"]
    series: list[_Series]


class _Column(msgspec.Struct, frozen=True):
    type: Literal["number", "group"]
    values: list[Any]


class _Attributes(msgspec.Struct, frozen=True):
    columns: list[_Column]


class _Data(msgspec.Struct, frozen=True):
    attributes: _Attributes


class _Version2(msgspec.Struct, frozen=True):
    data: _Data
    errors: str | None = None


_VERSION_1: Final = msgspec.json.Decoder(_Version1)
_VERSION_2: Final = msgspec.json.Decoder(_Version2)


class Datadog(Structured[DatadogDocument]):
    NAME: ClassVar = "datadog"
    SETTINGS: ClassVar = DatadogSettings
    DOCUMENT: ClassVar = DatadogDocument

    @classmethod
    def addresses(cls, settings: DatadogSettings) -> tuple[str, ...]:
        return configured(
            "TIDEGATE_DATADOG_URL",
            settings.datadog_url,
            TIDEGATE_DATADOG_API_KEY_FILE=settings.datadog_api_key_file,
            TIDEGATE_DATADOG_APPLICATION_KEY_FILE=settings.datadog_application_key_file,
        )

    def check(self, document: DatadogDocument) -> None:
        if bool(document.query) == bool(document.queries):
            raise ValueError("give a query, or queries")
        if document.api_version == "v1" and (document.queries or document.formula or document.aggregator != "last"):
            raise ValueError("queries, formula and aggregator need apiVersion v2")
        if len(document.queries) > 1 and not document.formula:
            raise ValueError("several queries need a formula")
        if len(document.queries) > QUERIES_MAX:
            raise ValueError(f"at most {QUERIES_MAX} queries")
        self.look_back_s(document)

    def look_back_s(self, document: DatadogDocument) -> float:
        return durations.seconds(document.interval) if document.interval else 0.0

    def request(self, document: DatadogDocument, question: Question) -> Request:
        settings: DatadogSettings = self.settings
        api_key = credential(settings.datadog_api_key_file, "TIDEGATE_DATADOG_API_KEY_FILE")
        application_key = credential(settings.datadog_application_key_file, "TIDEGATE_DATADOG_APPLICATION_KEY_FILE")
        headers = (
            ("DD-API-KEY", api_key),
            ("DD-APPLICATION-KEY", application_key),
            ("Content-Type", "application/json"),
        )
        from_s, until_s = span_s(question, self.look_back_s(document))
        base = URL(settings.datadog_url)
        credentials = (api_key, application_key)
        if document.api_version == "v1":
            url = base / "api/v1/query" % {"from": from_s, "to": until_s, "query": document.query}
            return Request(url=str(url), headers=headers, credentials=credentials)
        body = msgspec.json.encode(_scalar_request(document, from_s, until_s)).decode()
        url = base / "api/v2/query/scalar"
        return Request(url=str(url), method="POST", headers=headers, body=body, credentials=credentials)

    def found(self, document: DatadogDocument, body: bytes, question: Question) -> Found | Unusable:
        return _version_1(body) if document.api_version == "v1" else _version_2(body, question.at_s)


def _scalar_request(document: DatadogDocument, from_s: int, until_s: int) -> dict[str, Any]:
    queries = document.queries or {"query": document.query}
    asked = [
        {"aggregator": document.aggregator, "data_source": "metrics", "name": name, "query": text}
        for name, text in queries.items()
    ]
    formula = document.formula or next(iter(queries))
    attributes = {
        "from": from_s * _MILLISECONDS,
        "to": until_s * _MILLISECONDS,
        "queries": asked,
        "formulas": [{"formula": formula}],
    }
    return {"data": {"type": "scalar_request", "attributes": attributes}}


def _version_1(body: bytes) -> Found | Unusable:
    """Argo takes the last point of the first series; a range judges the only series."""
    reply = _VERSION_1.decode(body)
    raw: Raw = reply.series[0].pointlist[-1][1] if reply.series and reply.series[0].pointlist else None
    return of_points(raw, [[(at_ms / _MILLISECONDS, value) for at_ms, value in one.pointlist] for one in reply.series])


def _version_2(body: bytes, at_s: float) -> Found | Unusable:
    reply = _VERSION_2.decode(body)
    if reply.errors:
        return Unanswered("datadog says that the query failed")
    columns = reply.data.attributes.columns
    numbers = [msgspec.convert(column.values, list[float | None]) for column in columns if column.type == "number"]
    if len(numbers) != 1:
        return of_value(None, at_s) if not numbers else Unusable("datadog answered with several columns of numbers")
    if any(column.type == "group" for column in columns):
        return of_value(list(numbers[0]), at_s)
    return of_value(numbers[0][0] if numbers[0] else None, at_s)
