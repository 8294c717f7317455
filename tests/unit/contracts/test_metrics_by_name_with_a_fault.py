"""What is wrong with a check that names a metric: each fault by its field, and none of what goes together."""

from typing import Any, get_args

import pytest

from tidegate_contracts.built_in import BY_SERVICE, POD_METRICS, REQUEST_METRICS, SHARE, MetricSource
from tidegate_contracts.comparison import Comparison
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.validate_analysis import analysis_problems

GOOD: dict[str, Any] = {"name": "it", "minimum": 0.0, "metric": "success-rate", "source": "contour"}
COMPARE = {"compare": Comparison(direction="increase"), "minimum": None}


def fields(**changes: object) -> set[str]:
    check = Check(**(GOOD | changes))
    return {one.field.removeprefix("it.checks[0].") for one in analysis_problems("it", Analysis(checks=(check,)))}


@pytest.mark.parametrize("metric", sorted(REQUEST_METRICS - {SHARE}))
@pytest.mark.parametrize("source", sorted(set(get_args(MetricSource)) - {"pods"}))
def test_every_proxy_has_every_metric_of_requests(metric: str, source: str) -> None:
    assert fields(metric=metric, source=source, service="web" if source == "envoy" else None) == set()
    assert fields(metric=metric, source=source, service="web" if source in BY_SERVICE else None) == set()


@pytest.mark.parametrize("source", ["contour", "istio", "nginx", "traefik"])
def test_a_share_is_of_two_services_whose_names_tell_each_other(source: str) -> None:
    assert fields(metric=SHARE, source=source) == set()
    if source in BY_SERVICE:
        assert fields(metric=SHARE, source=source, service="api-canary") == set()
        assert fields(metric=SHARE, source=source, service="api-next") == {"service"}


@pytest.mark.parametrize("metric", sorted(POD_METRICS))
def test_metrics_of_pods_need_no_source(metric: str) -> None:
    assert fields(metric=metric, source=None) == fields(metric=metric, source="pods") == set()
    assert fields(metric=metric, source=None, **COMPARE) == set()


def test_a_comparison_of_istios_needs_no_query() -> None:
    assert fields(source="istio", **COMPARE) == set()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"query": "up"}, "query"),
        ({"metric": None}, "query"),
        ({"metric": None, "query": "up"}, "source"),
        ({"metric": None, "query": "up", "source": None, "service": "web"}, "service"),
        ({"metric": SHARE, "source": "envoy", "service": "web-canary"}, "source"),
        ({"metric": SHARE, "source": "istio", **COMPARE}, "compare"),
        ({"source": None}, "source"),
        ({"source": "pods"}, "source"),
        ({"metric": "restarts"}, "source"),
        ({"metric": "restarts", "source": None, "service": "web"}, "service"),
        ({"metric": "restarts", "source": None, "minimum_samples": 5.0}, "minimum_samples"),
        ({"source": "istio", "service": "web"}, "service"),
        ({"source": "envoy"}, "service"),
        ({"source": "envoy", "service": 'a"} or up{b="'}, "service"),
        ({"source": "envoy", "service": "{{window}}"}, "service"),
        ({"source": "envoy", "service": "a\\"}, "service"),
        ({"source": "envoy", "service": ""}, "service"),
        ({"service": "a.*"}, "service"),
        ({"service": ""}, "service"),
        ({"service": 'a"}'}, "service"),
        ({"provider": "datadog"}, "provider"),
        ({"minimum_samples_query": "up"}, "minimum_samples_query"),
        (COMPARE, "source"),
        ({"minimum": None}, "minimum"),
    ],
)
def test_a_fault_is_named_by_its_field(changes: dict[str, object], field: str) -> None:
    assert field in fields(**changes)
