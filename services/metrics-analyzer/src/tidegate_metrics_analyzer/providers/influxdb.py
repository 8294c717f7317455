"""InfluxDB as a metric provider: Flux (version 2) and InfluxQL (version 1). Asked by `measure` through `structured`.

The query is Argo's `influxdb` block, whose `query` is Flux; with a `database` it is InfluxQL. The look-back stands in
the text, as `range(start: -{{window}}s)` or `time > now() - {{window}}s`.
"""

import re
from typing import Any, ClassVar, Final

import msgspec
from yarl import URL

from tidegate_chassis.settings import Settings
from tidegate_metrics_analyzer import durations
from tidegate_metrics_analyzer.outbound.request import Request
from tidegate_metrics_analyzer.providers import annotated_csv
from tidegate_metrics_analyzer.providers.found import Found, as_go, of_points
from tidegate_metrics_analyzer.providers.structured import Structured, authorized, configured
from tidegate_metrics_analyzer.question import Answer, Question, Raw, Sample, Unanswered, Unusable, Value

_MILLISECONDS: Final = 1000
_FLUX_START: Final = re.compile(r"\bstart\s*:\s*-((?:\d+[a-z]+)+)", re.ASCII)
_INFLUXQL_START: Final = re.compile(r"\bnow\(\)\s*-\s*((?:\d+[a-z]+)+)", re.IGNORECASE | re.ASCII)
_DIALECT: Final = {"header": True, "annotations": ["datatype", "group", "default"]}


class InfluxSettings(Settings, frozen=True, kw_only=True):
    influxdb_url: str = ""
    influxdb_organization: str = ""
    """Flux only."""
    influxdb_token_file: str = ""
    """Of version 1: `user:password`, or none."""


class InfluxDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    query: str
    database: str = ""
    """Of version 1; with it, `query` is InfluxQL."""


class _Series(msgspec.Struct, frozen=True):
    columns: list[str]
    values: list[list[Any]]


class _Statement(msgspec.Struct, frozen=True):
    series: list[_Series] = []
    error: str | None = None


class _Reply(msgspec.Struct, frozen=True):
    results: list[_Statement] = []
    error: str | None = None


_REPLY: Final = msgspec.json.Decoder(_Reply)


class InfluxDB(Structured[InfluxDocument]):
    NAME: ClassVar = "influxdb"
    SETTINGS: ClassVar = InfluxSettings
    DOCUMENT: ClassVar = InfluxDocument

    @classmethod
    def addresses(cls, settings: InfluxSettings) -> tuple[str, ...]:
        return configured("TIDEGATE_INFLUXDB_URL", settings.influxdb_url)

    def check(self, document: InfluxDocument) -> None:
        self.look_back_s(document)

    def look_back_s(self, document: InfluxDocument) -> float:
        """The longest that is written out; other ways to say when are taken as meant."""
        pattern = _INFLUXQL_START if document.database else _FLUX_START
        return max((durations.seconds(text) for text in pattern.findall(document.query)), default=0.0)

    def request(self, document: InfluxDocument, question: Question) -> Request:
        settings: InfluxSettings = self.settings
        headers, credentials = authorized(settings.influxdb_token_file, "TIDEGATE_INFLUXDB_TOKEN_FILE", "Token ")
        base = URL(settings.influxdb_url)
        if document.database:
            url = (base / "query").with_query(db=document.database, q=document.query, epoch="ms")
            return Request(url=str(url), headers=headers, credentials=credentials)
        url = (base / "api/v2/query").with_query(org=settings.influxdb_organization)
        asked = {"query": document.query, "type": "flux", "dialect": _DIALECT}
        return Request(
            url=str(url),
            method="POST",
            headers=(*headers, ("Content-Type", "application/json"), ("Accept", "application/csv")),
            body=msgspec.json.encode(asked).decode(),
            credentials=credentials,
        )

    def found(self, document: InfluxDocument, body: bytes, question: Question) -> Found | Unusable:
        if document.database:
            # An aggregate is stamped with the beginning of what it was taken of: the query's bound says how old it is.
            return _influxql(body, question.at_s if _INFLUXQL_START.search(document.query) else None)
        try:
            records = annotated_csv.records(body.decode())
        except UnicodeError:
            raise
        except ValueError as error:
            return Unusable(str(error))
        return _flux(records, question.at_s)


def _flux(records: list[annotated_csv.Record], at_s: float) -> Found | Unusable:
    """Argo gives all values; a range judges the latest one of the only table. What has no time is of now."""
    if not records:
        return Unusable("no data: the query found no records")
    value = Value(raw=[record.value for record in records])
    latest: dict[str, Sample] = {}
    for record in records:
        if isinstance(record.value, bool) or not isinstance(record.value, int | float):
            return Found(value=value, answer=Unusable("the value is not a number"))
        moment_s = at_s if record.at_s is None else record.at_s
        former = latest.get(record.table)
        if former is None or moment_s >= former.at_s:
            latest[record.table] = Sample(value=record.value, at_s=moment_s)
    return Found(value=value, answer=Answer(samples=tuple(latest.values())))


def _influxql(body: bytes, at_s: float | None) -> Found | Unusable:
    """Each series' first column is the time, and the only other one the value. `at_s` stands for times that mislead."""
    reply = _REPLY.decode(body)
    if reply.error or any(statement.error for statement in reply.results):
        return Unanswered("influxdb says that the query failed")
    series = [one for statement in reply.results for one in statement.series]
    if any(len(one.columns) != 2 or one.columns[0] != "time" for one in series):  # noqa: PLR2004 - time and value
        return Unusable("influxdb answered with several columns: select one value")
    points = [msgspec.convert(one.values, list[tuple[float, float | None]]) for one in series]
    if not any(points):
        return Unusable("no data: the query found no records")
    raw: list[Raw] = [as_go(value) for rows in points for _, value in rows]
    series_points = [[(at_ms / _MILLISECONDS, value) for at_ms, value in rows] for rows in points]
    found = of_points(raw, series_points)
    if at_s is None or isinstance(found.answer, Unusable):
        return found
    samples = tuple(msgspec.structs.replace(sample, at_s=at_s) for sample in found.answer.samples)
    return Found(value=found.value, answer=Answer(samples=samples))
