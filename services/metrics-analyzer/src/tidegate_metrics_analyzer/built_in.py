"""The queries behind the metrics that a check asks for by name. Pure; called by `analysis` before anything is measured.

What comes out is an ordinary check, so that everything that holds for written queries holds for these, and evidence
shows the query. A share of requests is taken with the series that there are: a version that never failed has no series
of failures, and is at 0, but one without any requests is not a number, and so in doubt.
"""

from typing import Final, NamedTuple

import msgspec

from tidegate_contracts.built_in import CANARY, POD_METRICS, SHARE, MetricSource
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer.pod_health import PODS, READY, RESTARTS

CANARY_SERVICE: Final = "{{workload}}" + CANARY
"""How Tidegate names the canary Service of a workload and a Service of one name."""

_ERROR: Final = '"5.."'
_QUANTILES: Final = {"p50": "0.5", "p90": "0.9", "p95": "0.95", "p99": "0.99"}


class _Proxy(NamedTuple):
    """A proxy's own names. `SERVICE` in its selectors stands for the Service or cluster, `STABLE` for the other one."""

    requests: str
    code: str
    duration_buckets: str
    milliseconds: str
    """What makes milliseconds of its durations."""
    selector: str
    both: str = ""
    """The selector of both versions' requests; empty where these can't be told from all others."""


_PROXIES: Final[dict[MetricSource, _Proxy]] = {
    "contour": _Proxy(
        "envoy_cluster_upstream_rq",
        "envoy_response_code",
        "envoy_cluster_upstream_rq_time_bucket",
        "",
        'envoy_cluster_name=~"{{namespace}}_SERVICE_[^_]+"',
        'envoy_cluster_name=~"{{namespace}}_(STABLE|SERVICE)_[^_]+"',
    ),
    "envoy": _Proxy(
        "envoy_cluster_upstream_rq",
        "envoy_response_code",
        "envoy_cluster_upstream_rq_time_bucket",
        "",
        'envoy_cluster_name="SERVICE"',
    ),
    "istio": _Proxy(
        "istio_requests_total",
        "response_code",
        "istio_request_duration_milliseconds_bucket",
        "",
        'reporter="destination",destination_workload_namespace="{{namespace}}",pod_template_hash="{{revision}}"',
        'reporter="destination",destination_workload_namespace="{{namespace}}",'
        'pod_template_hash=~"{{stable_revision}}|{{revision}}"',
    ),
    "nginx": _Proxy(
        "nginx_ingress_controller_requests",
        "status",
        "nginx_ingress_controller_request_duration_seconds_bucket",
        "1000 * ",
        'namespace="{{namespace}}",canary=~"{{namespace}}-SERVICE-[^-]+"',
        'namespace="{{namespace}}",service="STABLE"',
    ),
    "traefik": _Proxy(
        "traefik_service_requests_total",
        "code",
        "traefik_service_request_duration_seconds_bucket",
        "1000 * ",
        # Of an Ingress with ingress-nginx' annotations the canary is called after the stable Service.
        'service=~"{{namespace}}-(SERVICE-[0-9a-zA-Z]+|STABLE-[0-9a-zA-Z]+-canary)@kubernetes.*"',
        'service=~"{{namespace}}-(STABLE|SERVICE)-[0-9a-zA-Z]+(-canary)?@kubernetes.*"',
    ),
}


def _of_pods(series: str) -> str:
    """A sum over the containers of the revision's pods, each once however often it is scraped."""
    return f"sum(max by (namespace, pod, container) ({series}) * on (namespace, pod) group_left () {PODS})"


def _containers(metric: str, *, each: str = "{}") -> str:
    return _of_pods(each.format(f'{metric}{{namespace="{{{{namespace}}}}",container!=""}}'))


_KILLED: Final = 'kube_pod_container_status_last_terminated_reason{namespace="{{namespace}}", reason="OOMKilled"}'
_OVER_WINDOW: Final = "rate({}[{{{{window}}}}])"
_PODS_QUERIES: Final = {
    "ready": READY,
    "restarts": RESTARTS,
    # A container that never ended has no such series: its restarts prove that there are metrics of it at all.
    "oom-kills": f"{_of_pods(_KILLED)} or 0 * {RESTARTS}",
    "cpu-throttling": (
        f"100 * {_containers('container_cpu_cfs_throttled_periods_total', each=_OVER_WINDOW)}"
        f" / {_containers('container_cpu_cfs_periods_total', each=_OVER_WINDOW)}"
    ),
    "memory-growth": (
        f"6000 * {_containers('container_memory_working_set_bytes', each='deriv({}[{{{{window}}}}])')}"
        f" / {_containers('container_memory_working_set_bytes', each='avg_over_time({}[{{{{window}}}}])')}"
    ),
}


def written_out(check: Check) -> Check:
    """The check with its query; one that has a query as it is."""
    if check.metric is None:
        return check
    if check.metric in POD_METRICS:
        return msgspec.structs.replace(check, query=_PODS_QUERIES[check.metric])
    assert check.source is not None, "a request that names no proxy was refused"
    proxy = _PROXIES[check.source]
    new, both = (_selected(each, check.service or CANARY_SERVICE) for each in (proxy.selector, proxy.both))
    query = _share(proxy, new, both) if check.metric == SHARE else _of_requests(proxy, new, check.metric)
    every = both if check.metric == SHARE else new
    counted = None if check.compare is not None else f"sum(increase({proxy.requests}{{{every}}}[{{{{window}}}}]))"
    return msgspec.structs.replace(check, query=query, minimum_samples_query=counted)


def _selected(selector: str, service: str) -> str:
    return selector.replace("STABLE", service.removesuffix(CANARY)).replace("SERVICE", service)


def _share(proxy: _Proxy, new: str, both: str) -> str:
    part, every = (f"sum(rate({proxy.requests}{{{each}}}[{{{{window}}}}]))" for each in (new, both))
    return f"100 * ({part} or 0 * {every}) / {every}"


def _of_requests(proxy: _Proxy, selector: str, metric: str) -> str:
    if metric in _QUANTILES:
        buckets = f"sum by (le) (rate({proxy.duration_buckets}{{{selector}}}[{{{{window}}}}]))"
        return f"{proxy.milliseconds}histogram_quantile({_QUANTILES[metric]}, {buckets})"
    sign = "=~" if metric == "error-rate" else "!~"
    part = f"sum(rate({proxy.requests}{{{selector},{proxy.code}{sign}{_ERROR}}}[{{{{window}}}}]))"
    every = f"sum(rate({proxy.requests}{{{selector}}}[{{{{window}}}}]))"
    return f"100 * ({part} or 0 * {every}) / {every}"
