"""What Kubernetes access shows on `/metrics`: requests by verb and resource, and how fresh each watch is.

`transport` times every request, `reflector` registers itself. Labels are resources, never names.
"""

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

REQUEST_SECONDS = Histogram(
    "tidegate_kubernetes_request_seconds",
    "Time of one request to the API server, by how it ended",
    ("verb", "resource", "status"),
    buckets=_BUCKETS_S,
)
WATCH_BREAKS = Counter(
    "tidegate_kubernetes_watch_breaks_total", "Lists and watches that failed and were begun anew", ("resource",)
)
WATCH_AGE_SECONDS = Gauge(
    "tidegate_kubernetes_watch_age_seconds", "Time since the API server last said anything", ("resource",)
)
OBJECTS = Gauge("tidegate_kubernetes_objects", "Objects that a watch holds in memory", ("resource",))


def follow(resource: str, age_s: Callable[[], float], objects: Callable[[], int]) -> None:
    """Show how fresh and how large a reflector's store is."""
    WATCH_AGE_SECONDS.labels(resource).set_function(age_s)
    OBJECTS.labels(resource).set_function(objects)
