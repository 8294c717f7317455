"""Each built-in provider with the example of its page and an answer in the shape that its server sends.

`NOW_S`, `NOW_MS` and `NOW_ISO` in an answer stand for the moment at which it is given.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml
from yarl import URL

from support.sources import REPOSITORY
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer.conformance import Case
from tidegate_metrics_analyzer.providers.cloudwatch import CloudWatch
from tidegate_metrics_analyzer.providers.datadog import Datadog
from tidegate_metrics_analyzer.providers.dynatrace import Dynatrace
from tidegate_metrics_analyzer.providers.elasticsearch import Elasticsearch, OpenSearch
from tidegate_metrics_analyzer.providers.google_monitoring import GoogleMonitoring
from tidegate_metrics_analyzer.providers.graphite import Graphite
from tidegate_metrics_analyzer.providers.influxdb import InfluxDB
from tidegate_metrics_analyzer.providers.newrelic import NewRelic
from tidegate_metrics_analyzer.providers.prometheus import Prometheus
from tidegate_metrics_analyzer.providers.web import Web
from tidegate_metrics_analyzer.providers.webhook import Webhook

CANARY = "canary-0f3a9b-secret"
"""What each credential holds: nothing that leaves the analyzer may."""

KINDS = {
    "prometheus": Prometheus,
    "web": Web,
    "webhook": Webhook,
    "datadog": Datadog,
    "newrelic": NewRelic,
    "cloudwatch": CloudWatch,
    "graphite": Graphite,
    "influxdb": InfluxDB,
    "dynatrace": Dynatrace,
    "google-monitoring": GoogleMonitoring,
    "elasticsearch": Elasticsearch,
    "opensearch": OpenSearch,
}
VECTOR = (
    '{"status":"success","data":{"resultType":"vector",'
    '"result":[{"metric":{"revision":"5d8f"},"value":[NOW_S,"0.25"]}]}}'
)
SHARDS = '"took":3,"timed_out":false,"_shards":{"total":5,"successful":5,"skipped":0,"failed":0}'
ANSWERS = {
    "prometheus": (VECTOR, 0.25),
    "google-monitoring": (VECTOR, 0.25),
    "web": ('{"summary":{"passed_percent":99.5,"runs":3},"ok":true}', 99.5),
    "webhook": ("OK", 1.0),
    "datadog": (
        (
            '{"status":"ok","from_date":1,"to_date":2,"series":[{"metric":"errors","scope":"env:prod","length":2,'
            '"pointlist":[[NOW_MS,3.0],[NOW_MS,null]]}],"message":"","group_by":[]}'
        ),
        3.0,
    ),
    "newrelic": ('{"data":{"actor":{"account":{"nrql":{"results":[{"percentile.duration":0.125}]}}}}}', 0.125),
    "cloudwatch": (
        (
            '{"MetricDataResults":[{"Id":"errors","Label":"HTTPCode_Target_5XX_Count","StatusCode":"Complete",'
            '"Timestamps":[NOW_S],"Values":[4.0]}],"Messages":[]}'
        ),
        4.0,
    ),
    "graphite": ('[{"target":"sumSeries(x)","tags":{},"datapoints":[[2.5,NOW_S],[null,NOW_S]]}]', 2.5),
    "influxdb": (
        (
            "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double\r\n"
            "#group,false,false,true,true,false,false\r\n#default,_result,,,,,\r\n"
            ",result,table,_start,_stop,_time,_value\r\n,,0,NOW_ISO,NOW_ISO,NOW_ISO,120.5\r\n\r\n"
        ),
        120.5,
    ),
    "dynatrace": (
        (
            '{"totalCount":1,"nextPageKey":null,"resolution":"Inf","result":[{"metricId":"m","dataPointCountRatio":0.1,'
            '"data":[{"dimensions":[],"dimensionMap":{},"timestamps":[NOW_MS],"values":[0.75]}]}]}'
        ),
        0.75,
    ),
    "elasticsearch": (
        "{" + SHARDS + ',"hits":{"total":{"value":7,"relation":"eq"},"max_score":null,"hits":[]}}',
        7.0,
    ),
    "opensearch": (
        "{"
        + SHARDS
        + ',"hits":{"total":{"value":9,"relation":"eq"},"hits":[]},"aggregations":{"slow":{"value":81.5}}}',
        81.5,
    ),
}


def page_checks() -> dict[str, Check]:
    """The examples of docs/providers.md by their provider."""
    page = (REPOSITORY / "docs/providers.md").read_text(encoding="utf-8")
    found = [msgspec.convert(yaml.safe_load(text), Check) for text in re.findall(r"(?ms)^```yaml\n(.*?)^```", page)]
    return {check.provider: check for check in found}


def answer(name: str, now_s: float) -> bytes:
    moment = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    stamps = {"NOW_S": f"{now_s:.3f}", "NOW_MS": f"{now_s * 1000:.0f}", "NOW_ISO": moment}
    return re.sub(r"NOW_[A-Z]+", lambda found: stamps[found.group()], ANSWERS[name][0]).encode()


def environment(directory: Path) -> Callable[[str], Mapping[str, str]]:
    """Every provider's settings, with a credential in each file."""
    secret = directory / "conformance" / "quality" / "token"
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text(CANARY + "\n")
    files = (
        *("PROMETHEUS_TOKEN", "DATADOG_API_KEY", "DATADOG_APPLICATION_KEY", "NEWRELIC_API_KEY", "GRAPHITE_TOKEN"),
        *("CLOUDWATCH_ACCESS_KEY_ID", "CLOUDWATCH_SECRET_ACCESS_KEY", "CLOUDWATCH_SESSION_TOKEN", "INFLUXDB_TOKEN"),
        *("DYNATRACE_TOKEN", "GOOGLE_MONITORING_TOKEN", "ELASTICSEARCH_AUTHORIZATION", "OPENSEARCH_AUTHORIZATION"),
    )
    urls = (
        *("PROMETHEUS", "DATADOG", "NEWRELIC", "CLOUDWATCH", "GRAPHITE", "INFLUXDB", "DYNATRACE"),
        *("GOOGLE_MONITORING", "ELASTICSEARCH", "OPENSEARCH"),
    )
    fixed = {f"TIDEGATE_{name}_FILE": str(secret) for name in files} | {
        "TIDEGATE_SECRETS_DIRECTORY": str(directory),
        "TIDEGATE_OUTBOUND_NETWORKS": "127.0.0.0/8, ::1",
        "TIDEGATE_NEWRELIC_ACCOUNT": "1234",
        "TIDEGATE_CLOUDWATCH_REGION": "eu-central-1",
        "TIDEGATE_GOOGLE_MONITORING_PROJECT": "shop-123456",
        "TIDEGATE_INFLUXDB_ORGANIZATION": "shop",
    }
    return lambda url: fixed | {f"TIDEGATE_{name}_URL": url for name in urls} | {"TIDEGATE_OUTBOUND_URLS": url}


def case(name: str, directory: Path) -> Case:
    return Case(
        kind=_at_loopback(KINDS[name]) if name in ("web", "webhook") else KINDS[name],
        environment=environment(directory),
        query=page_checks()[name].query,
        answer=lambda now_s: answer(name, now_s),
        value=ANSWERS[name][1],
        secrets=(CANARY,),
        reads_bodies=name != "webhook",
    )


def _at_loopback(kind: Any) -> Any:
    """The page's example asks a public host; here it is the server on loopback."""

    class Here(kind):  # type: ignore[misc] # of either kind
        def request(self, document: Any, question: Any) -> Any:
            path = URL(document.url).path_qs
            return super().request(msgspec.structs.replace(document, url=self.settings.outbound_urls + path), question)

    return Here
