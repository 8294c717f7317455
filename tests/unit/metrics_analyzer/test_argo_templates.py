"""From templates to metrics: what they come to together, what arguments stand for, and what is refused in them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.templates import TemplateShelf, metric, template

from tidegate_chassis.errors import Permanent
from tidegate_contracts.problem import Problem
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.templates import TemplateArgument, TemplateReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer import template_reader
from tidegate_metrics_analyzer.argo import arguments, duration, quirks
from tidegate_metrics_analyzer.argo.assembling import Assembled, assemble
from tidegate_metrics_analyzer.argo.metric import NO_LIMIT, Limits, PlannedMetric
from tidegate_metrics_analyzer.argo.template import Template
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.template_reader import Refused
from tidegate_metrics_analyzer.template_source import NoTemplates

SUBJECT = Subject(namespace="shop", workload="web", stable_revision="old-hash", revision="new-hash")
WORKLOAD = WorkloadReference(name="web")
SECRET = {"secretKeyRef": {"name": "datadog", "key": "api-key"}}


def assembled(
    *templates: Template, reading: quirks.Reading = quirks.ARGO, dry_run: tuple[str, ...] = (), **given: str
) -> Assembled | tuple[Problem, ...]:
    named = {TemplateReference(name=f"t{index}"): each for index, each in enumerate(templates)}
    return assemble(named, given, dry_run, reading, must_end=False)


def metrics(*templates: Template, **given: Any) -> tuple[PlannedMetric, ...]:
    found = assembled(*templates, **given)
    assert isinstance(found, Assembled), [str(each) for each in found]
    return found.metrics


def fields(*templates: Template, **given: Any) -> list[str]:
    found = assembled(*templates, **given)
    assert not isinstance(found, Assembled)
    assert all(each.rule and each.remedy for each in found)
    return [each.field for each in found]


def test_a_whole_template_becomes_its_metric() -> None:
    stored = metric(
        interval="1m30s",
        initialDelay="10s",
        count="{{args.count}}",
        successCondition="result[0] >= {{ args.limit }}",
        failureCondition="result[0] < 0.9",
        failureLimit="{{args.failures}}",
        inconclusiveLimit=1,
        consecutiveErrorLimit=2,
        consecutiveSuccessLimit="3",
    )
    declared = [{"name": "count", "value": "9"}, {"name": "limit"}, {"name": "failures", "value": "-1"}]
    (found,) = metrics(template(stored, args=declared), limit="0.95", unknown="left alone")
    assert found == PlannedMetric(
        name="errors",
        provider="prometheus",
        block={"query": "errors"},
        success_condition="result[0] >= 0.95",
        failure_condition="result[0] < 0.9",
        interval_s=90.0,
        initial_delay_s=10.0,
        limits=Limits(
            count=9,
            failure_limit=NO_LIMIT,
            inconclusive_limit=1,
            consecutive_error_limit=2,
            consecutive_success_limit=3,
        ),
    )


@pytest.mark.parametrize(
    ("stored", "limits"),
    [
        ({}, Limits(count=1)),
        ({"count": 0}, Limits(count=1)),
        ({"interval": "5s"}, Limits(count=None)),
        ({"interval": "5s", "count": 0}, Limits(count=None)),
        ({"interval": "5s", "count": "3"}, Limits(count=3)),
        ({"interval": "5s", "count": "many"}, Limits(count=None)),
        ({"failureLimit": "many"}, Limits(failure_limit=0)),
        ({"consecutiveErrorLimit": 0}, Limits(consecutive_error_limit=0)),
    ],
)
def test_what_is_left_out_has_argos_default(stored: dict[str, Any], limits: Limits) -> None:
    assert metrics(template(metric(**stored)))[0].limits == limits


@pytest.mark.parametrize(
    ("stored", "field"),
    [
        ({"name": ""}, "metrics[0].name"),
        ({"provider": {}}, "metrics[0].provider"),
        ({"provider": {"prometheus": {}, "web": {}}}, "metrics[0].provider"),
        ({"provider": {"prometheus": "up"}}, "metrics[0].provider"),
        ({"count": 2}, "metrics[0].interval"),
        ({"count": 2, "interval": "5s", "failureLimit": 3}, "metrics[0].count"),
        ({"count": 3, "interval": "5s", "failureLimit": 2, "consecutiveSuccessLimit": 2}, "metrics[0].count"),
        ({"count": 1, "failureLimit": -1, "consecutiveSuccessLimit": 2}, "metrics[0].count"),
        ({"count": 1, "inconclusiveLimit": 2}, "metrics[0].count"),
        ({"failureLimit": -2}, "metrics[0].failureLimit"),
        ({"failureLimit": -1}, "metrics[0].failureLimit"),
        ({"inconclusiveLimit": -1}, "metrics[0].inconclusiveLimit"),
        ({"consecutiveErrorLimit": -1}, "metrics[0].consecutiveErrorLimit"),
        ({"consecutiveSuccessLimit": -1}, "metrics[0].consecutiveSuccessLimit"),
        ({"interval": "often"}, "metrics[0].interval"),
        ({"initialDelay": "5"}, "metrics[0].initialDelay"),
        ({"successCondition": "result >"}, "metrics[0].successCondition"),
        ({"failureCondition": "(result"}, "metrics[0].failureCondition"),
    ],
)
def test_what_argo_refuses_is_refused(stored: dict[str, Any], field: str) -> None:
    assert field in fields(template(metric() | stored))


@pytest.mark.parametrize(
    "stored",
    [
        {"count": 2, "interval": "5s", "failureLimit": 2},
        {"count": 2, "interval": "5s", "failureLimit": -1, "consecutiveSuccessLimit": 2},
        {"count": 0, "failureLimit": 9},
        {"count": 1},
        {"initialDelay": "1.5h"},
    ],
)
def test_what_argo_accepts_is_accepted(stored: dict[str, Any]) -> None:
    assert len(metrics(template(metric(**stored)))) == 1


def test_without_quirks_a_limit_has_to_be_a_number() -> None:
    broken = template(metric(failureLimit="many", count="{{args.count}}", interval="1s"), args=[{"name": "count"}])
    assert fields(broken, reading=quirks.NONE, count="lots") == ["metrics[0].count", "metrics[0].failureLimit"]
    assert metrics(broken, count="lots")[0].limits == Limits(count=None)


def test_no_metrics_and_too_many_are_refused() -> None:
    assert fields(template()) == ["metrics"]
    assert fields(template(*(metric(f"m{number}") for number in range(21)))) == ["metrics"]


def test_templates_are_one_analysis_and_their_metrics_keep_their_names() -> None:
    assert [found.name for found in metrics(template(metric("a")), template(metric("b"), metric("c")))] == [
        "a",
        "b",
        "c",
    ]
    assert fields(template(metric("a")), template(metric("a"))) == ["metrics"]


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [
        ({"value": "1"}, {}, "1"),
        ({}, {"value": "2"}, "2"),
        ({"value": "1"}, {"value": "1"}, "1"),
        ({"value": "1"}, {"value": "2"}, None),
    ],
)
def test_an_argument_of_two_templates_is_one(first: dict[str, str], second: dict[str, str], value: str | None) -> None:
    both = (
        template(metric("m", query="{{args.a}}"), args=[{"name": "a"} | first]),
        template(metric("n"), args=[{"name": "a"} | second]),
    )
    if value is None:
        assert fields(*both) == ["args.a"]
    else:
        assert metrics(*both)[0].block == {"query": value}


@pytest.mark.parametrize("text", ["{{args.b}}", "{{b}}", "{{ }}", "x {{args.a", "{{args.a}} {{"])
def test_a_tag_that_stands_for_nothing_is_refused(text: str) -> None:
    assert fields(template(metric(query=text), args=[{"name": "a", "value": "1"}])) == ["metrics[0]"]


def test_an_argument_without_a_value_is_refused() -> None:
    assert fields(template(metric(), args=[{"name": "a"}])) == ["args.a"]


@given(st.text(max_size=40))
def test_an_arguments_value_changes_nothing_but_its_place(value: str) -> None:
    stored = metric(query="{{args.a}}", successCondition="true")
    stored["provider"] = {"web": {"url": "u", "headers": [{"key": "{{args.a}}", "value": 'x"{{args.a}}"'}], "n": 1}}
    found = assembled(template(stored, args=[{"name": "a"}]), a=value)
    if "${secret:" in value:
        assert not isinstance(found, Assembled)
    else:
        assert isinstance(found, Assembled)
        headers = [{"key": value, "value": f'x"{value}"'}]
        assert found.metrics[0].block == {"url": "u", "headers": headers, "n": 1}


def test_a_secret_is_named_and_never_known() -> None:
    stored = metric() | {"provider": {"web": {"headers": [{"value": "Bearer {{args.token}}"}]}}}
    declared = template(stored, args=[{"name": "token", "valueFrom": SECRET}])
    found = assembled(declared)
    assert isinstance(found, Assembled)
    assert found.metrics[0].block == {"headers": [{"value": "Bearer ${secret:datadog/api-key}"}]}
    assert [(each.name, each.key) for each in found.secrets] == [("datadog", "api-key")]


def test_a_secret_wins_over_the_requests_value_as_with_argo_and_not_without_quirks() -> None:
    declared = template(metric(query="{{args.token}}"), args=[{"name": "token", "valueFrom": SECRET}])
    assert metrics(declared, token="given")[0].block == {"query": "${secret:datadog/api-key}"}
    plain = metrics(declared, token="given", reading=quirks.NONE)
    assert plain[0].block == {"query": "given"}


@pytest.mark.parametrize("where", ["successCondition", "failureCondition", "failureLimit", "interval", "name"])
def test_a_secret_outside_of_the_provider_is_refused(where: str) -> None:
    stored = metric() | {where: "{{args.token}}"}
    assert fields(template(stored, args=[{"name": "token", "valueFrom": SECRET}])) == [f"metrics[0].{where}"]


def test_a_request_can_not_name_a_secret_by_its_value() -> None:
    declared = template(metric(query="{{args.a}}"), args=[{"name": "a"}])
    assert fields(declared, a="${secret:other/key}") == ["args.a"]


def test_rules_are_looked_for_anywhere_in_a_metrics_name() -> None:
    stored = template(metric("latency"), metric("latency-p99"), metric("errors"), dryRun=[{"metricName": "latency"}])
    assert [found.dry_run for found in metrics(stored)] == [True, True, False]
    assert [found.dry_run for found in metrics(stored, dry_run=("^err",))] == [True, True, True]
    kept = [{"metricName": "latency", "limit": 3}, {"metricName": "p99", "limit": 500}]
    found = metrics(template(metric("latency"), metric("latency-p99"), measurementRetention=kept))
    assert [each.samples_kept for each in found] == [3, 10]


@pytest.mark.parametrize("rules", [[{"metricName": "other"}], [{"metricName": "("}], [{"metricName": "a"}] * 2])
def test_a_rule_that_is_meant_for_no_metric_or_given_twice_is_refused(rules: list[dict[str, str]]) -> None:
    assert fields(template(metric("a"), dryRun=rules))[0].startswith("dryRun[")
    retention = [rule | {"limit": 3} for rule in rules]
    assert fields(template(metric("a"), measurementRetention=retention))[0].startswith("measurementRetention[")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30.0),
        ("1m30s", 90.0),
        ("1.5h", 5400.0),
        ("100ms", 0.1),
        ("2us", 2e-6),
        ("0", 0.0),
        ("-5s", -5.0),
        ("+5s", 5.0),
        ("", None),
        ("5", None),
        ("5 s", None),
        ("5d", None),
        ("s", None),
        ("-", None),
        ("1e3s", None),
        ("9999999h", None),
    ],
)
def test_durations_are_gos(text: str, seconds: float | None) -> None:
    assert duration.seconds(text) == (None if seconds is None else pytest.approx(seconds))


STORED = {
    "metadata": {"name": "web", "labels": {"app.io/region": "eu"}, "annotations": {"a": "b"}},
    "spec": {"replicas": 3, "paused": True, "containers": [{"image": "v1"}]},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web"),
        ("metadata.labels['app.io/region']", "eu"),
        ("metadata.annotations['a']", "b"),
        ("metadata.labels['none']", None),
        ("spec.replicas", "3"),
        ("spec.paused", "true"),
        ("spec.containers[0].image", "v1"),
        ("spec.containers[1].image", None),
        ("spec.containers[x].image", None),
        ("spec.containers", None),
        ("spec.replicas.more", None),
        ("spec.none", None),
        ("", None),
    ],
)
def test_a_field_of_the_workload_is_one_value(path: str, value: str | None) -> None:
    assert arguments.field_of(STORED, path) == value


async def read(shelf: TemplateShelf | NoTemplates, *names: str, **analysis: Any) -> Assembled | Refused:
    named = tuple(TemplateReference(name=name.removeprefix("!"), cluster_scope=name[0] == "!") for name in names)
    return await template_reader.read(Analysis(templates=named, **analysis), SUBJECT, WORKLOAD, shelf, must_end=True)


async def test_templates_that_templates_name_are_read_too_and_each_once() -> None:
    nested = {"templates": [{"templateName": "b"}, {"templateName": "c", "clusterScope": True}]}
    shelf = TemplateShelf(a=template(**nested), b=template(metric("b"), templates=[{"templateName": "a"}]))
    shelf.cluster_templates["c"] = template(metric("c"), templates=[{"templateName": "b"}])
    found = await read(shelf, "a", "b")
    assert isinstance(found, Assembled)
    assert [each.name for each in found.metrics] == ["b", "c"]
    assert sorted(shelf.reads) == ["shop/a", "shop/b", "shop/c"]


async def test_a_missing_template_is_named() -> None:
    assert await read(TemplateShelf(), "a") == Refused("there is no AnalysisTemplate a in namespace shop")
    assert await read(TemplateShelf(), "!a") == Refused("there is no ClusterAnalysisTemplate a")


async def test_a_tree_of_templates_has_an_end() -> None:
    every = {f"t{number}": template(templates=[{"templateName": f"t{number + 1}"}]) for number in range(30)}
    found = await read(TemplateShelf(**every), "t0")
    assert isinstance(found, Refused)
    assert "more than 20 templates" in found.reason


async def test_arguments_come_from_the_request_the_revisions_and_the_workload() -> None:
    wanted = (
        TemplateArgument(name="a", value="x"),
        TemplateArgument(name="b", pod_template_hash="stable"),
        TemplateArgument(name="c", pod_template_hash="latest"),
        TemplateArgument(name="d", field_path="spec.replicas"),
    )
    text = "{{args.a}} {{args.b}} {{args.c}} {{args.d}}"
    shelf = TemplateShelf(t=template(metric(query=text), args=[{"name": name} for name in "abcd"]), workload=STORED)
    found = await read(shelf, "t", arguments=wanted)
    assert isinstance(found, Assembled)
    assert found.metrics[0].block == {"query": "x old-hash new-hash 3"}


async def test_a_field_that_is_not_there_is_named() -> None:
    wanted = (TemplateArgument(name="d", field_path="spec.none"),)
    found = await read(TemplateShelf(t=template(metric()), workload=STORED), "t", arguments=wanted)
    assert found == Refused("arguments.d: the workload has no single value at spec.none")


async def test_what_is_wrong_is_told_with_its_field_and_remedy() -> None:
    found = await read(TemplateShelf(t=template(metric(count=2))), "t")
    assert isinstance(found, Refused)
    assert "metrics[0].interval" in found.reason
    assert "Say how often to measure." in found.reason


async def test_without_a_cluster_nothing_can_be_read() -> None:
    with pytest.raises(Permanent, match="there is no cluster"):
        await read(NoTemplates("there is no cluster"), "t")
    with pytest.raises(Permanent, match="Deployment web"):
        await NoTemplates("there is no cluster").workload("shop", WORKLOAD)
