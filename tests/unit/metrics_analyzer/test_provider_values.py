"""What each provider's answer is to an Argo condition, and what each one asks and refuses: no server needed."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.provider_cases import CANARY, KINDS, environment
from yarl import URL

from tidegate_chassis.settings import load
from tidegate_metrics_analyzer.outbound.request import Reply
from tidegate_metrics_analyzer.providers.found import Found
from tidegate_metrics_analyzer.providers.signature import Signer
from tidegate_metrics_analyzer.providers.structured import Structured
from tidegate_metrics_analyzer.question import Question, Reach, Subject, Unusable

SUBJECT = Subject(namespace="shop", workload="web", stable_revision="7c9b", revision="5d8f")
CLOUD = {"metricDataQueries": [{"id": "a", "expression": "SUM(METRICS())"}]}
HEAD = (
    "#datatype,string,long,dateTime:RFC3339,{}\r\n#group,false,false,false,false\r\n#default,_result,,,\r\n"
    ",result,table,_time,_value\r\n"
)


@pytest.fixture
def made(tmp_path: Path) -> Any:
    def make(name: str) -> Structured[Any]:
        kind: Any = KINDS[name]
        return kind(None, load(kind.SETTINGS, environment(tmp_path)("http://127.0.0.1:1")))  # type: ignore[no-any-return]

    return make


def question(document: object, *, at_s: float = 1000.0, window_s: float = 30.0) -> Question:
    return Question(query=json.dumps(document), subject=SUBJECT, window_s=window_s, at_s=at_s)


def value(provider: Structured[Any], document: object, body: object) -> object:
    """What an Argo condition calls `result`; None is a value, too."""
    text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    asked = question(document)
    found = provider.read(provider._document(asked.query), Reply(200, text), asked)
    return found.value.raw if isinstance(found, Found) else found


def nrql(*rows: object) -> object:
    return {"data": {"actor": {"account": {"nrql": {"results": list(rows)}}}}}


def columns(*found: object) -> object:
    return {"data": {"attributes": {"columns": list(found)}}}


def search(**more: object) -> object:
    return {"timed_out": False, "_shards": {"failed": 0}, **more}


V1 = {"query": "avg:x{*}"}
V2 = {"apiVersion": "v2", "query": "avg:x{*}"}


@pytest.mark.parametrize(
    ("name", "document", "body", "expected"),
    [
        ("web", {"url": "http://h/"}, {"a": [1]}, {"a": [1.0]}),
        ("web", {"url": "http://h/", "jsonPath": "{.a[*]}"}, {"a": [True, 2]}, True),
        ("web", {"url": "http://h/"}, "all good", "all good"),
        ("datadog", V1, {"status": "ok", "series": []}, None),
        ("datadog", V1, {"status": "ok", "series": [{"pointlist": []}]}, None),
        ("datadog", V1, {"status": "ok", "series": [{"pointlist": [[1, 2], [2, 3]]}, {"pointlist": [[1, 9]]}]}, 3.0),
        ("datadog", V2, columns({"type": "number", "values": [0.5]}), 0.5),
        ("datadog", V2, columns({"type": "number", "values": []}), None),
        (
            "datadog",
            V2,
            columns({"type": "group", "values": [["a"], ["b"]]}, {"type": "number", "values": [1, 2]}),
            [1.0, 2.0],
        ),
        ("newrelic", {"query": "SELECT"}, nrql({"count": 3, "name": "a"}), {"count": 3.0, "name": "a"}),
        ("newrelic", {"query": "SELECT"}, nrql({"a": 1}, {"a": 2}), [{"a": 1.0}, {"a": 2.0}]),
        (
            "cloudwatch",
            CLOUD,
            {
                "MetricDataResults": [
                    {"Id": "a", "Label": "x", "StatusCode": "Complete", "Timestamps": [1], "Values": [2]}
                ]
            },
            [{"Id": "a", "Label": "x", "StatusCode": "Complete", "Timestamps": [1.0], "Values": [2.0]}],
        ),
        (
            "cloudwatch",
            CLOUD,
            {"MetricDataResults": [{"Id": "a", "StatusCode": "Complete", "Timestamps": [], "Values": []}]},
            [{"Id": "a", "Label": "", "StatusCode": "Complete", "Timestamps": [], "Values": []}],
        ),
        ("graphite", {"query": "target=x"}, [], []),
        (
            "graphite",
            {"query": "target=x"},
            [{"datapoints": [[1, 1], [None, 2], [3, 3]]}, {"datapoints": [[9, 1]]}],
            [1.0, 3.0],
        ),
        (
            "influxdb",
            {"query": "from"},
            HEAD.format("double") + ",,0,1970-01-01T00:00:01Z,1.5\r\n,,1,,\r\n",
            [1.5, None],
        ),
        ("influxdb", {"query": "from"}, HEAD.format("string") + ",,0,,up\r\n", ["up"]),
        ("influxdb", {"query": "from"}, HEAD.format("boolean") + ",,0,,true\r\n", [True]),
        (
            "influxdb",
            {"query": "SELECT", "database": "shop"},
            {"results": [{"series": [{"name": "x", "columns": ["time", "mean"], "values": [[1, 2], [2, None]]}]}]},
            [2.0, None],
        ),
        (
            "dynatrace",
            {"metricSelector": "x"},
            {"result": [{"data": [{"timestamps": [1, 2], "values": [None, 2]}]}]},
            [2.0],
        ),
        ("elasticsearch", {"index": "a", "body": {}, "jsonPath": "{.hits}"}, search(hits={"n": 1}), {"n": 1.0}),
    ],
)
def test_a_result_is_what_argo_gives(name: str, document: object, body: object, expected: object, made: Any) -> None:
    assert value(made(name), document, body) == expected


@pytest.mark.parametrize(
    ("name", "document", "body"),
    [
        ("web", {"url": "http://h/", "jsonPath": "{.b}"}, {"a": 1}),
        ("datadog", V1, {"status": "error", "error": "no"}),
        ("datadog", V2, {"errors": "no", **columns()}),  # type: ignore[dict-item]
        ("newrelic", {"query": "SELECT"}, nrql()),
        ("newrelic", {"query": "SELECT"}, {"errors": [{"message": "no"}]}),
        ("graphite", {"query": "target=x"}, {"error": "no"}),
        ("influxdb", {"query": "from"}, ""),
        (
            "influxdb",
            {"query": "from"},
            "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,no,1\r\n",
        ),
        ("influxdb", {"query": "SELECT", "database": "shop"}, {"results": [{"error": "no"}]}),
        ("influxdb", {"query": "SELECT", "database": "shop"}, {"results": [{}]}),
        ("dynatrace", {"metricSelector": "x"}, {"result": [{"data": [{"timestamps": [1], "values": []}]}]}),
        ("elasticsearch", {"index": "a", "body": {}}, {**search(hits={}), "timed_out": True}),  # type: ignore[dict-item]
        ("opensearch", {"index": "a", "body": {}}, {"timed_out": False, "_shards": {"failed": 1}}),
    ],
)
def test_what_argo_calls_an_error_is_no_value(name: str, document: object, body: object, made: Any) -> None:
    assert isinstance(value(made(name), document, body), Unusable)


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("web", {"url": "http://h/", "insecure": True}),
        ("web", {"url": "http://h/", "authentication": {"oauth2": {"clientId": "a"}}}),
        ("web", {"url": "http://h/", "body": "x"}),
        ("web", {"url": "http://h/", "method": "POST", "body": "x", "jsonBody": {}}),
        ("web", {"url": "http://h/", "method": "DELETE"}),
        ("web", {"url": "http://h/", "jsonPath": "{.a}{.b}"}),
        ("web", {"url": "http://h/", "timeoutSeconds": 60}),
        ("web", {"url": "http://h/", "headers": [{"key": "A", "value": "${secret:..}"}]}),
        ("web", {"url": "http://h/{{nobody}}"}),
        ("web", {"url": "http://h/{{namespace"}),
        ("datadog", {}),
        ("datadog", {"query": "a", "queries": {"b": "c"}}),
        ("datadog", {"query": "a", "formula": "b"}),
        ("datadog", {"apiVersion": "v2", "queries": {"a": "b", "c": "d"}}),
        ("datadog", {"query": "a", "interval": "soon"}),
        ("newrelic", {"query": "SELECT", "profile": "other"}),
        ("newrelic", {"query": "SELECT", "timeout": 60}),
        ("cloudwatch", {"metricDataQueries": []}),
        ("cloudwatch", {"metricDataQueries": [{"id": "a"}]}),
        ("cloudwatch", {"metricDataQueries": [{"id": "a", "expression": "b", "period": "soon"}]}),
        ("graphite", {"query": "from=-5min"}),
        ("graphite", {"query": "target=x&format=png"}),
        ("graphite", {"query": "target=x", "address": "http://evil.example"}),
        ("influxdb", {"query": "range(start: -99y)"}),
        ("dynatrace", {"metricSelector": ""}),
        ("elasticsearch", {"index": "../_cluster", "body": {}}),
        ("elasticsearch", {"index": "_all", "body": {}}),
        ("elasticsearch", {"index": "a/_doc", "body": {}}),
        ("elasticsearch", {"index": "a", "body": {}, "jsonPath": "x"}),
    ],
)
def test_what_is_not_served_is_a_fault_of_the_query(name: str, document: object, made: Any) -> None:
    assert made(name).fault(json.dumps(document)) is not None


@pytest.mark.parametrize("text", ["", "up", "[]", "null", "{", '{"query": 1}', "[" * 100_000])
@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if issubclass(kind, Structured)])
def test_text_that_is_no_such_object_is_a_fault(name: str, text: str, made: Any) -> None:
    assert made(name).fault(text) is not None
    assert made(name).reach(text) == Reach()


@pytest.mark.parametrize(
    ("name", "document", "look_back_s"),
    [
        ("datadog", {"query": "a", "interval": "5m"}, 300),
        ("cloudwatch", {**CLOUD, "interval": "1h"}, 3600),
        ("graphite", {"query": "target=x&from=-5min"}, 300),
        ("graphite", {"query": "target=x&from=yesterday"}, 86_400),
        ("influxdb", {"query": "range(start: -1h30m)"}, 5400),
        ("influxdb", {"query": "SELECT x WHERE time > now() - 10m", "database": "d"}, 600),
        ("newrelic", {"query": "SELECT x since 5 minutes ago"}, 300),
        ("newrelic", {"query": "SELECT x"}, 3600),
        ("newrelic", {"query": "SELECT x SINCE {{window}} seconds ago"}, 0),
        ("dynatrace", {"metricSelector": "x", "interval": "2m"}, 120),
        ("elasticsearch", {"index": "a", "body": {"query": {"range": {"t": {"gte": "now-15m/m"}}}}}, 900),
        ("web", {"url": "http://h/"}, 0),
    ],
)
def test_a_look_back_that_is_written_out_is_known(name: str, document: object, look_back_s: float, made: Any) -> None:
    assert made(name).reach(json.dumps(document)).fixed_s == look_back_s


@pytest.mark.parametrize(("window_s", "span"), [(30.0, ("971", "1000")), (0.4, ("999", "1000"))])
def test_no_request_looks_further_back_than_it_may(window_s: float, span: tuple[str, str], made: Any) -> None:
    provider = made("datadog")
    asked = question(V1, at_s=1000.7, window_s=window_s)
    url = URL(provider.request(provider._document(asked.query), asked).url)
    assert (url.query["from"], url.query["to"]) == span


def test_a_name_is_filled_in_and_an_unknown_one_is_not_asked_for(made: Any) -> None:
    provider = made("graphite")
    template = '{"query": "target={{namespace}}.{{workload}}.{{ revision }}&from=-{{window}}s"}'
    assert provider.render(template, SUBJECT, 29.9) == '{"query": "target=shop.web.5d8f&from=-29s"}'
    nobody = Subject(namespace="shop", workload="web", stable_revision="7c9b", revision=None)
    assert provider.render(template, nobody, 30.0) == Unusable("the revision is not known yet")


def test_amazons_own_example_is_signed_as_amazon_signs_it() -> None:
    """From "Signing AWS requests" of Amazon's General Reference."""
    signer = Signer(
        access_key_id="AKIDEXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        service="iam",
    )
    url = URL("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08")
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    signed = signer.signed(url, headers, "", stamp="20150830T123600Z", method="GET")["Authorization"]
    assert signed.endswith("Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")
    assert "wJalr" not in repr(signer)


def test_cloudwatch_is_asked_in_its_own_writing(made: Any) -> None:
    stat = {
        "metric": {"metricName": "m", "namespace": "n", "dimensions": [{"name": "a", "value": "b"}]},
        "period": "60",
        "stat": "Sum",
    }
    provider = made("cloudwatch")
    asked = question({"metricDataQueries": [{"id": "a", "metricStat": stat, "returnData": True}]}, at_s=1000.0)
    request = provider.request(provider._document(asked.query), asked)
    metric = {"MetricName": "m", "Dimensions": [{"Name": "a", "Value": "b"}], "Namespace": "n"}
    assert json.loads(request.body) == {
        "StartTime": 970,
        "EndTime": 1000,
        "MetricDataQueries": [
            {"Id": "a", "ReturnData": True, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
        ],
    }
    assert dict(request.headers)["X-Amz-Security-Token"] == CANARY
    assert request.credentials == (CANARY, CANARY)


def test_a_gate_is_asked_as_flagger_asks_and_opens_as_flaggers_do(made: Any) -> None:
    provider = made("webhook")
    asked = question({"url": "http://h/gate", "metadata": {"a": "b"}})
    document = provider._document(asked.query)
    posted = {"name": "web", "namespace": "shop", "phase": "Progressing", "checksum": "5d8f", "metadata": {"a": "b"}}
    assert json.loads(provider.request(document, asked).body) == posted
    opened = {
        status for status in range(200, 600) if isinstance(provider.read(document, Reply(status, b""), asked), Found)
    }
    assert opened == {200, 201, 202, 204}
    failing = provider._document(json.dumps({"url": "http://h/gate", "closed": "fail"}))
    closed = provider.read(failing, Reply(403, b""), asked)
    assert closed.value.raw == 0.0


def test_an_influxql_aggregate_is_as_old_as_the_querys_own_bound(made: Any) -> None:
    provider = made("influxdb")
    body = b'{"results":[{"series":[{"columns":["time","mean"],"values":[[0,2]]}]}]}'
    for bound, at_s in (("", 0.0), (" WHERE time > now() - 30s", 1000.0)):
        asked = question({"query": f"SELECT mean(x) FROM y{bound}", "database": "shop"})
        found = provider.read(provider._document(asked.query), Reply(200, body), asked)
        assert [sample.at_s for sample in found.answer.samples] == [at_s]


HITS = {"hits": {"total": {"value": 5}}}


@pytest.mark.parametrize(
    ("name", "document", "body"),
    [
        ("web", {"url": "http://h/"}, True),
        ("web", {"url": "http://h/"}, "99"),
        ("web", {"url": "http://h/"}, [5, True]),
        ("web", {"url": "http://h/"}, [5, None]),
        ("web", {"url": "http://h/"}, {"value": 5}),
        ("newrelic", {"query": "SELECT"}, nrql({"a": 1, "b": "text"})),
        ("newrelic", {"query": "SELECT"}, nrql({"a": 1}, {"a": 1})),
        ("elasticsearch", {"index": "a", "body": {}}, {**HITS, "timed_out": True, "_shards": {"failed": 0}}),
        ("opensearch", {"index": "a", "body": {}}, {**HITS, "timed_out": False, "_shards": {"failed": 1}}),
        ("influxdb", {"query": "from"}, HEAD.format("string") + ",,0,,5\r\n"),
        (
            "cloudwatch",
            CLOUD,
            {"MetricDataResults": [{"Id": "a", "StatusCode": "PartialData", "Timestamps": [1000], "Values": [5]}]},
        ),
    ],
)
def test_what_is_no_whole_number_of_one_thing_is_judged_by_no_range(
    name: str, document: object, body: object, made: Any
) -> None:
    provider, asked = made(name), question(document)
    text = body if name == "influxdb" else json.dumps(body)
    found = provider.read(provider._document(asked.query), Reply(200, text.encode()), asked)
    assert isinstance(found.answer if isinstance(found, Found) else found, Unusable)
