"""Amazon CloudWatch as a metric provider: GetMetricData in its JSON protocol. Asked by `measure` through `structured`.

The query is Argo's `cloudWatch` block; the look-back is the window where it names no `interval`.
"""

import re
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import msgspec
from msgspec import UNSET, UnsetType
from yarl import URL

from tidegate_chassis.settings import Settings
from tidegate_metrics_analyzer import durations
from tidegate_metrics_analyzer.outbound.request import Request
from tidegate_metrics_analyzer.providers.found import Found, of_points
from tidegate_metrics_analyzer.providers.signature import Signer
from tidegate_metrics_analyzer.providers.structured import Structured, configured, credential, span_s
from tidegate_metrics_analyzer.question import Question, Raw, Unusable

QUERIES_MAX: Final = 20
_TARGET: Final = "GraniteServiceVersion20100801.GetMetricData"
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d", re.ASCII)


class CloudWatchSettings(Settings, frozen=True, kw_only=True):
    cloudwatch_region: str = ""
    cloudwatch_url: str = ""
    """Empty: Amazon's own for the region."""
    cloudwatch_access_key_id_file: str = ""
    cloudwatch_secret_access_key_file: str = ""
    cloudwatch_session_token_file: str = ""


class _Dimension(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    name: str
    value: str


class _Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    metric_name: str
    namespace: str | UnsetType = UNSET
    dimensions: tuple[_Dimension, ...] = ()


class _MetricStat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    metric: _Metric
    period: int | str
    stat: str
    unit: str | UnsetType = UNSET


class _MetricDataQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    id: str
    expression: str | UnsetType = UNSET
    label: str | UnsetType = UNSET
    metric_stat: _MetricStat | UnsetType = UNSET
    period: int | str | UnsetType = UNSET
    return_data: bool | UnsetType = UNSET


class CloudWatchDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    metric_data_queries: tuple[_MetricDataQuery, ...]
    interval: str = ""


class _Result(msgspec.Struct, frozen=True, rename="pascal"):
    id: str
    label: str = ""
    status_code: str = ""
    timestamps: list[float] = []
    values: list[float] = []


class _Reply(msgspec.Struct, frozen=True, rename="pascal"):
    metric_data_results: list[_Result]


_REPLY: Final = msgspec.json.Decoder(_Reply)


class CloudWatch(Structured[CloudWatchDocument]):
    NAME: ClassVar = "cloudwatch"
    SETTINGS: ClassVar = CloudWatchSettings
    DOCUMENT: ClassVar = CloudWatchDocument

    @classmethod
    def addresses(cls, settings: CloudWatchSettings) -> tuple[str, ...]:
        region = settings.cloudwatch_region if _REGION.fullmatch(settings.cloudwatch_region) else ""
        return configured(
            "TIDEGATE_CLOUDWATCH_URL",
            _address(settings),
            TIDEGATE_CLOUDWATCH_REGION=region,
            TIDEGATE_CLOUDWATCH_ACCESS_KEY_ID_FILE=settings.cloudwatch_access_key_id_file,
            TIDEGATE_CLOUDWATCH_SECRET_ACCESS_KEY_FILE=settings.cloudwatch_secret_access_key_file,
        )

    def check(self, document: CloudWatchDocument) -> None:
        if not 1 <= len(document.metric_data_queries) <= QUERIES_MAX:
            raise ValueError(f"1 to {QUERIES_MAX} metricDataQueries")
        for query in document.metric_data_queries:
            if (query.expression is UNSET) == (query.metric_stat is UNSET):
                raise ValueError("each of metricDataQueries has an expression or a metricStat")
            _asked(query)
        self.look_back_s(document)

    def look_back_s(self, document: CloudWatchDocument) -> float:
        return durations.seconds(document.interval) if document.interval else 0.0

    def request(self, document: CloudWatchDocument, question: Question) -> Request:
        settings: CloudWatchSettings = self.settings
        from_s, until_s = span_s(question, self.look_back_s(document))
        body = msgspec.json.encode(
            {
                "StartTime": from_s,
                "EndTime": until_s,
                "MetricDataQueries": [_asked(query) for query in document.metric_data_queries],
            }
        ).decode()
        signer = _signer(settings)
        url = URL(_address(settings)) / ""
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": _TARGET}
        stamp = datetime.fromtimestamp(question.at_s, UTC).strftime("%Y%m%dT%H%M%SZ")
        signed = signer.signed(url, headers, body, stamp=stamp)
        credentials = tuple(one for one in (signer.secret_access_key, signer.session_token) if one)
        return Request(url=str(url), method="POST", headers=tuple(signed.items()), body=body, credentials=credentials)

    def found(self, document: CloudWatchDocument, body: bytes, question: Question) -> Found | Unusable:
        """All results, as Argo gives them; the range judges the latest value of the only one, and only if complete."""
        results = _REPLY.decode(body).metric_data_results
        raw: list[Raw] = [
            {
                "Id": one.id,
                "Label": one.label,
                "StatusCode": one.status_code,
                "Timestamps": list[Raw](one.timestamps),
                "Values": list[Raw](one.values),
            }
            for one in results
        ]
        found = of_points(raw, [list(zip(one.timestamps, one.values, strict=False)) for one in results])
        if any(one.status_code not in ("", "Complete") for one in results):
            return Found(value=found.value, answer=Unusable("cloudwatch says that its answer is not complete"))
        return found


def _address(settings: CloudWatchSettings) -> str:
    return settings.cloudwatch_url or f"https://monitoring.{settings.cloudwatch_region}.amazonaws.com"


def _signer(settings: CloudWatchSettings) -> Signer:
    token_file = settings.cloudwatch_session_token_file
    return Signer(
        access_key_id=credential(settings.cloudwatch_access_key_id_file, "TIDEGATE_CLOUDWATCH_ACCESS_KEY_ID_FILE"),
        secret_access_key=credential(
            settings.cloudwatch_secret_access_key_file, "TIDEGATE_CLOUDWATCH_SECRET_ACCESS_KEY_FILE"
        ),
        session_token=credential(token_file, "TIDEGATE_CLOUDWATCH_SESSION_TOKEN_FILE") if token_file else "",
        region=settings.cloudwatch_region,
        service="monitoring",
    )


def _asked(query: _MetricDataQuery) -> dict[str, Any]:
    """The query in Amazon's own writing."""
    asked: dict[str, Any] = {"Id": query.id}
    given = {"Expression": query.expression, "Label": query.label, "ReturnData": query.return_data}
    asked |= {name: value for name, value in given.items() if value is not UNSET}
    if query.period is not UNSET:
        asked["Period"] = _whole(query.period)
    if query.metric_stat is not UNSET:
        asked["MetricStat"] = _stat(query.metric_stat)
    return asked


def _stat(stat: _MetricStat) -> dict[str, Any]:
    metric: dict[str, Any] = {
        "MetricName": stat.metric.metric_name,
        "Dimensions": [{"Name": one.name, "Value": one.value} for one in stat.metric.dimensions],
    }
    if stat.metric.namespace is not UNSET:
        metric["Namespace"] = stat.metric.namespace
    unit = {} if stat.unit is UNSET else {"Unit": stat.unit}
    return {"Metric": metric, "Period": _whole(stat.period), "Stat": stat.stat, **unit}


def _whole(period: int | str) -> int:
    """Argo allows a number or its text."""
    number = int(period) if isinstance(period, int) or period.isdecimal() else 0
    if number < 1:
        raise ValueError("a period is a number of seconds")
    return number
