"""Dynatrace as a metric provider: its metrics API, version 2. Asked by `measure` through `structured`."""

from typing import ClassVar, Final

import msgspec
from yarl import URL

from tidegate_chassis.settings import Settings
from tidegate_metrics_analyzer import durations
from tidegate_metrics_analyzer.outbound.request import Request
from tidegate_metrics_analyzer.providers.found import Found, of_points
from tidegate_metrics_analyzer.providers.structured import Structured, configured, credential, span_s
from tidegate_metrics_analyzer.question import Question, Raw, Unusable

_MILLISECONDS: Final = 1000


class DynatraceSettings(Settings, frozen=True, kw_only=True):
    dynatrace_url: str = ""
    """Of the environment, such as `https://abc12345.live.dynatrace.com`."""
    dynatrace_token_file: str = ""
    """An API token with the right `metrics.read`."""


class DynatraceDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    metric_selector: str
    entity_selector: str = ""
    interval: str = ""
    """The look-back; empty: the window."""
    resolution: str = "Inf"
    """`Inf` comes down to one value."""


class _Data(msgspec.Struct, frozen=True):
    timestamps: list[float]
    values: list[float | None]


class _Metric(msgspec.Struct, frozen=True):
    data: list[_Data]


class _Reply(msgspec.Struct, frozen=True):
    result: list[_Metric]


_REPLY: Final = msgspec.json.Decoder(_Reply)


class Dynatrace(Structured[DynatraceDocument]):
    NAME: ClassVar = "dynatrace"
    SETTINGS: ClassVar = DynatraceSettings
    DOCUMENT: ClassVar = DynatraceDocument

    @classmethod
    def addresses(cls, settings: DynatraceSettings) -> tuple[str, ...]:
        return configured(
            "TIDEGATE_DYNATRACE_URL",
            settings.dynatrace_url,
            TIDEGATE_DYNATRACE_TOKEN_FILE=settings.dynatrace_token_file,
        )

    def check(self, document: DynatraceDocument) -> None:
        if not document.metric_selector:
            raise ValueError("give a metricSelector")
        self.look_back_s(document)

    def look_back_s(self, document: DynatraceDocument) -> float:
        return durations.seconds(document.interval) if document.interval else 0.0

    def request(self, document: DynatraceDocument, question: Question) -> Request:
        settings: DynatraceSettings = self.settings
        token = credential(settings.dynatrace_token_file, "TIDEGATE_DYNATRACE_TOKEN_FILE")
        from_s, until_s = span_s(question, self.look_back_s(document))
        asked: dict[str, str | int] = {
            "metricSelector": document.metric_selector,
            "from": from_s * _MILLISECONDS,
            "to": until_s * _MILLISECONDS,
            "resolution": document.resolution,
        }
        if document.entity_selector:
            asked["entitySelector"] = document.entity_selector
        return Request(
            url=str((URL(settings.dynatrace_url) / "api/v2/metrics/query").with_query(asked)),
            headers=(("Authorization", f"Api-Token {token}"),),
            credentials=(token,),
        )

    def found(self, document: DynatraceDocument, body: bytes, question: Question) -> Found | Unusable:
        """All values there are; a range judges the latest one of the only series."""
        every = [one for metric in _REPLY.decode(body).result for one in metric.data]
        if any(len(one.timestamps) != len(one.values) for one in every):
            return Unusable("dynatrace answered with values that have no time")
        raw: list[Raw] = [value for one in every for value in one.values if value is not None]
        return of_points(
            raw,
            [
                [(at_ms / _MILLISECONDS, value) for at_ms, value in zip(one.timestamps, one.values, strict=True)]
                for one in every
            ],
        )
