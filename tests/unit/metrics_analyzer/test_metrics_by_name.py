"""The queries behind metrics that are asked for by name: word for word, and fit to be rendered."""

from typing import Any, get_args

import msgspec
import pytest
import yaml
from support.sources import REPOSITORY

from tidegate_contracts import limits
from tidegate_contracts.built_in import POD_METRICS, REQUEST_METRICS, MetricSource
from tidegate_contracts.comparison import Comparison
from tidegate_contracts.rollout import Analysis, Check, PodHealth
from tidegate_contracts.validate_analysis import analysis_problems
from tidegate_metrics_analyzer import promql
from tidegate_metrics_analyzer.analysis import checks_of
from tidegate_metrics_analyzer.built_in import written_out
from tidegate_metrics_analyzer.question import Reach, Subject

VALUES = Subject(namespace="shop", workload="web.v1", stable_revision="7c9b", revision="5d8f").values()
NO_SHARE = ("traffic-share", "envoy")
"""One cluster's name says nothing of another."""

PROXIES = sorted(set(get_args(MetricSource)) - {"pods"})
EVERY = [
    *((metric, source) for metric in sorted(REQUEST_METRICS) for source in PROXIES if (metric, source) != NO_SHARE),
    *((metric, None) for metric in sorted(POD_METRICS)),
]
BOTH = 'envoy_cluster_name=~"shop_(web[.]v1|web[.]v1-canary)_[^_]+"'
CONTOUR = 'envoy_cluster_name=~"shop_web[.]v1-canary_[^_]+"'
RENDERED = {
    ("traffic-share", "contour"): (
        f"100 * (sum(rate(envoy_cluster_upstream_rq{{{CONTOUR}}}[30000ms]))"
        f" or 0 * sum(rate(envoy_cluster_upstream_rq{{{BOTH}}}[30000ms])))"
        f" / sum(rate(envoy_cluster_upstream_rq{{{BOTH}}}[30000ms]))"
    ),
    ("traffic-share", "istio"): (
        '100 * (sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="shop",'
        'pod_template_hash="5d8f"}[30000ms])) or 0 * sum(rate(istio_requests_total{reporter="destination",'
        'destination_workload_namespace="shop",pod_template_hash=~"7c9b|5d8f"}[30000ms])))'
        ' / sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="shop",'
        'pod_template_hash=~"7c9b|5d8f"}[30000ms]))'
    ),
    ("success-rate", "contour"): (
        f'100 * (sum(rate(envoy_cluster_upstream_rq{{{CONTOUR},envoy_response_code!~"5.."}}[30000ms]))'
        f" or 0 * sum(rate(envoy_cluster_upstream_rq{{{CONTOUR}}}[30000ms])))"
        f" / sum(rate(envoy_cluster_upstream_rq{{{CONTOUR}}}[30000ms]))"
    ),
    ("error-rate", "envoy"): (
        '100 * (sum(rate(envoy_cluster_upstream_rq{envoy_cluster_name="web",envoy_response_code=~"5.."}[30000ms]))'
        ' or 0 * sum(rate(envoy_cluster_upstream_rq{envoy_cluster_name="web"}[30000ms])))'
        ' / sum(rate(envoy_cluster_upstream_rq{envoy_cluster_name="web"}[30000ms]))'
    ),
    ("p99", "nginx"): (
        "1000 * histogram_quantile(0.99, sum by (le) (rate(nginx_ingress_controller_request_duration_seconds_bucket"
        '{namespace="shop",canary=~"shop-web-[^-]+"}[30000ms])))'
    ),
    ("p50", "istio"): (
        "histogram_quantile(0.5, sum by (le) (rate(istio_request_duration_milliseconds_bucket"
        '{reporter="destination",destination_workload_namespace="shop",pod_template_hash="5d8f"}[30000ms])))'
    ),
    ("p90", "traefik"): (
        "1000 * histogram_quantile(0.9, sum by (le) (rate(traefik_service_request_duration_seconds_bucket"
        '{service=~"shop-(web-[0-9a-zA-Z]+|web-[0-9a-zA-Z]+-canary)@kubernetes.*"}[30000ms])))'
    ),
    ("restarts", None): (
        "sum(max by (namespace, pod, container) (kube_pod_container_status_restarts_total"
        '{namespace="shop"}) * on (namespace, pod) group_left () max by (namespace, pod)'
        ' (kube_pod_labels{namespace="shop", label_pod_template_hash="5d8f"}))'
    ),
}


def check(metric: str, source: str | None, **more: Any) -> Check:
    return Check(**({"name": "it", "metric": metric, "source": source, "maximum": 1.0} | more))


@pytest.mark.parametrize(("metric", "source"), RENDERED)
def test_a_query_is_word_for_word(metric: str, source: str | None) -> None:
    service = None if source in ("contour", "istio", None) else "web"
    written = written_out(check(metric, source, service=service))
    assert promql.render(written.query, VALUES, 30.0) == RENDERED[metric, source]


@pytest.mark.parametrize(("metric", "source"), EVERY)
def test_a_query_is_one_that_a_user_could_have_written(metric: str, source: str | None) -> None:
    written = written_out(check(metric, source, service="web" if source == "envoy" else None))
    counted = written.minimum_samples_query
    assert (counted is None) == (source is None)
    for query in (written.query, *([counted] if counted else [])):
        assert promql.fault(query) is None
        assert promql.reach(query) == Reach()
        assert len(query) <= limits.QUERY_LENGTH_MAX


def test_the_pages_examples_can_be_asked_for() -> None:
    page = (REPOSITORY / "docs/requests.md").read_text(encoding="utf-8").partition("### metrics by name")[2]
    example = page.partition("```yaml\n")[2].partition("```")[0]
    checks = tuple(msgspec.convert(yaml.safe_load(example), list[Check]))
    assert list(analysis_problems("it", Analysis(checks=checks))) == []
    assert all(written_out(each).query for each in checks)


def test_a_comparison_counts_nothing_and_a_written_query_stays() -> None:
    compared = written_out(check("p99", "istio", maximum=None, compare=Comparison(direction="increase")))
    assert compared.minimum_samples_query is None
    own = Check(name="own", query="up", minimum=1.0)
    named = check("restarts", None)
    written = checks_of(Analysis(checks=(own, named), pod_health=PodHealth()))
    assert [one.name for one in written] == ["own", "it", "pod_restarts", "pod_readiness"]
    assert written[0] == own
    assert all(one.query for one in written)
