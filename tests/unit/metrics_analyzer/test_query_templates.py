"""Query templates: what a placeholder may stand in, and that no name changes what a query means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_metrics_analyzer import promql
from tidegate_metrics_analyzer.question import Reach, Subject
from tidegate_metrics_analyzer.series import bare_series

VALUES = {"namespace": "shop", "workload": "web.v1", "revision": "5d8f", "stable_revision": "7c9b"}


@pytest.mark.parametrize(
    ("template", "query"),
    [
        ('x{namespace="{{namespace}}"}', 'x{namespace="shop"}'),
        ("x{a='{{ workload }}'}", "x{a='web.v1'}"),
        ('x{pod=~"{{workload}}-.*"}', 'x{pod=~"web[.]v1-.*"}'),
        ('x{pod!~ "{{workload}}-.*", a="{{workload}}"}', 'x{pod!~ "web[.]v1-.*", a="web.v1"}'),
        ("x{pod=~`{{workload}}`}", "x{pod=~`web[.]v1`}"),
        ('rate(x{r="{{revision}}"}[{{window}}])', 'rate(x{r="5d8f"}[2500ms])'),
        ('max_over_time(x{r="{{stable_revision}}"}[{{window}}:1s])', 'max_over_time(x{r="7c9b"}[2500ms:1s])'),
        ('x{a="quoted \\" {{namespace}} \\\\"}', 'x{a="quoted \\" shop \\\\"}'),
        ("up # {{namespace}}", "up # shop"),
        ("up == 1", "up == 1"),
    ],
)
def test_placeholders_are_filled_in(template: str, query: str) -> None:
    assert promql.fault(template) is None
    assert promql.render(template, VALUES, 2.5) == query


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ('x{a="{{cluster}}"}', "unknown placeholder 'cluster'"),
        ('x{a="{{}}"}', "unknown placeholder ''"),
        ("{{workload}}_total", "belongs into quotes"),
        ('x{a="{{window}}"}', "range's brackets"),
        ("x offset {{window}}", "range's brackets"),
        ("rate(x[{{namespace}}])", "belongs into quotes"),
        ('x{a="{{ bad-name }}"}', "not closed, or is not a plain word"),
        ("+".join(f"x{number}" for number in range(11)), "more than 10 series without a range"),
        ('x{a="{{namespace"}', "not closed, or is not a plain word"),
    ],
)
def test_a_template_that_can_not_be_measured_is_a_fault(template: str, reason: str) -> None:
    assert reason in (promql.fault(template) or "")


def test_a_value_that_is_not_known_yet_is_told_by_name() -> None:
    subject = Subject(namespace="shop", workload="web", stable_revision="7c9b", revision=None)
    with pytest.raises(KeyError, match="revision"):
        promql.render('x{r="{{revision}}"}', subject.values(), 1.0)


@pytest.mark.parametrize("name", ['a"} or vector(1) #', "a\\", "a\nb", "*", "A", "a b", "ä"])
def test_what_is_no_name_never_gets_into_a_query(name: str) -> None:
    subject = Subject(namespace="shop", workload=name, stable_revision="7c9b", revision="5d8f")
    with pytest.raises(ValueError, match="workload"):
        subject.values()


@pytest.mark.parametrize(
    ("template", "reach"),
    [
        ("up", Reach()),
        ("rate(x[{{window}}])", Reach()),
        ("rate(x[5m])", Reach(fixed_s=300)),
        ("rate(x[1h30m]) / rate(y[10s])", Reach(fixed_s=5400)),
        ("rate(x[500ms])", Reach(fixed_s=0.5)),
        ("max_over_time(rate(x[1m])[5m:10s])", Reach(fixed_s=360, nested=True)),
        ("max_over_time(rate(x[{{window}}])[{{window}}:])", Reach(windows=2, nested=True)),
        ("max_over_time(x[5m:])", Reach(fixed_s=600, nested=True)),
        ('x{a="[5m]"} # [9m]', Reach()),
    ],
)
def test_a_querys_own_look_back_is_seen(template: str, reach: Reach) -> None:
    assert promql.reach(template) == reach


@pytest.mark.parametrize(
    ("query", "bare"),
    [
        ("up", ("up",)),
        ('up{job="x"} > 0', ('up{job="x"}',)),
        ('{__name__=~"a.*"}', ('{__name__=~"a.*"}',)),
        ('sum by (pod, code) (x{a="b"}) / on (pod) group_left (node) y', ('x{a="b"}', "y")),
        ("sum(x) without (pod) + sum without (pod) (x)", ("x",)),
        ("rate(x[5s]) > bool 1", ()),
        ('rate(x{a="]{"} [5s] offset 5m)', ()),
        ("x offset 5m or vector(0)", ("x",)),
        ("max_over_time(x[5m:1s])", ("x",)),
        ("histogram_quantile(0.99, sum(rate(b:x_bucket[1m])) by (le))", ()),
        ("1e5 * 0x1f + Inf - NaN", ()),
        ('x{a="{"} # y', ('x{a="{"}',)),
        ("time() - x @ 1609746000", ("x",)),
    ],
)
def test_series_without_a_range_are_found(query: str, bare: tuple[str, ...]) -> None:
    assert bare_series(query) == bare


@given(st.text(alphabet="{}[]\"'`\\#=~! ns{}window:5m\n", max_size=200))
def test_any_text_is_looked_through_without_a_crash(template: str) -> None:
    promql.reach(template)
    if promql.fault(template) is None:
        promql.render(template, VALUES, 1.0)


def test_a_hostile_template_of_the_greatest_length_is_looked_through_fast() -> None:
    for text in ('"\\' * 2048, "{{" * 2048, "[" * 4096, "'" * 4095 + "\\", "=~\n" * 1365):
        promql.fault(text)
        promql.reach(text)
