"""Metrics that a check may ask for by name instead of by query: which there are, and of which source. Pure data.

`validate_built_in` says what goes together; the metrics-analyzer writes the query.
"""

from typing import Final, Literal, get_args

RequestMetric = Literal["success-rate", "error-rate", "p50", "p90", "p95", "p99", "traffic-share"]
"""Rates are in percent of the requests, an error being an answer of 500 and above; percentiles are in milliseconds; the
share is what the new version gets of both versions' requests, in percent."""

SHARE: Final = "traffic-share"
CANARY: Final = "-canary"
"""How a canary Service's name ends: without it, it is the stable one's."""

PodMetric = Literal["ready", "restarts", "oom-kills", "cpu-throttling", "memory-growth"]
"""Of the new revision's pods: percent of the pods, counts, percent of the scheduling periods, percent a minute."""

MetricName = RequestMetric | PodMetric
MetricSource = Literal["contour", "envoy", "istio", "nginx", "traefik", "pods"]

REQUEST_METRICS: Final = frozenset(get_args(RequestMetric))
POD_METRICS: Final = frozenset(get_args(PodMetric))

BY_SERVICE: Final = frozenset({"contour", "envoy", "nginx", "traefik"})
"""Proxies that tell versions apart by the Service that they send to, not by its pods."""

PROMQL_PROVIDERS: Final = ("prometheus", "google-monitoring")
"""The providers that speak the language in which the queries are written."""
