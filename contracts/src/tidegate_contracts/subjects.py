"""Every subject of the bus as a function, every filter as a constant: nobody else puts a subject together.

The class of a message comes first, because permissions and filters are prefixes: an auditor reads
`tidegate.events.>`, a requester writes `tidegate.requests.<cluster>.<namespace>`.
"""

from typing import Final, Literal, NamedTuple

from tidegate_contracts.names import from_token, to_token
from tidegate_contracts.workload import WorkloadKey

Service = Literal["orchestrator", "workload-controller", "traffic-shifter", "metrics-analyzer", "rollout-operator"]
WORKERS: Final[tuple[Service, ...]] = ("workload-controller", "traffic-shifter", "metrics-analyzer")
SERVICES: Final[tuple[Service, ...]] = ("orchestrator", *WORKERS)
"""Those that write events: the rollout-operator only asks, as people do."""

ROOT: Final = "tidegate"
ALL_EVENTS: Final = f"{ROOT}.events.>"
ALL_TELEMETRY: Final = f"{ROOT}.telemetry.>"
ALL_PROGRESS: Final = f"{ROOT}.progress.>"
ALL_DEAD: Final = f"{ROOT}.dead.*"
TIMERS_DUE: Final = f"{ROOT}.timers.due.>"


def requests(cluster: str, namespace: str) -> str:
    return f"{ROOT}.requests.{to_token(cluster)}.{to_token(namespace)}"


def controls(cluster: str, namespace: str, rollout: str) -> str:
    return f"{ROOT}.controls.{to_token(cluster)}.{to_token(namespace)}.{to_token(rollout)}"


def guard(key: WorkloadKey) -> str:
    """Where what is wished for a workload stands: the newest message counts."""
    return f"{ROOT}.guards.{key.tokens}"


def guards_of(cluster: str, namespace: str | None = None) -> str:
    """All guards of a cluster, or of one of its namespaces."""
    return f"{ROOT}.guards.{to_token(cluster)}.{to_token(namespace) if namespace is not None else '*'}.*.*"


def verdict(cluster: str, namespace: str, rollout: str, check: str) -> str:
    """Where a verdict from outside is given: the bus can tell who may, down to the check."""
    return f"{ROOT}.verdicts.{to_token(cluster)}.{to_token(namespace)}.{to_token(rollout)}.{to_token(check)}"


def rollout_verdicts(cluster: str, namespace: str, rollout: str) -> str:
    return f"{ROOT}.verdicts.{to_token(cluster)}.{to_token(namespace)}.{to_token(rollout)}.*"


def beside(subject: str) -> str:
    """The filter of all that differ from it in their last token alone."""
    return f"{subject.rpartition('.')[0]}.*"


def verdicts_of(cluster: str) -> str:
    """All verdicts of a cluster."""
    return f"{ROOT}.verdicts.{to_token(cluster)}.>"


def alerts(cluster: str, namespace: str) -> str:
    return f"{ROOT}.alerts.{to_token(cluster)}.{to_token(namespace)}"


def alerts_of(cluster: str) -> str:
    """All alerts of a cluster."""
    return f"{ROOT}.alerts.{to_token(cluster)}.*"


def event(key: WorkloadKey, rollout: str, service: Service, tag: str) -> str:
    """`tag` is a message's own, as in `workload.batch-ready.v1`, which becomes the token `batch-ready`."""
    return f"{ROOT}.events.{key.tokens}.{to_token(rollout)}.{service}.{type_token(tag)}"


def type_token(tag: str) -> str:
    return tag.split(".")[1]


def workload_events(key: WorkloadKey) -> str:
    """The whole history of a workload: what compare-and-set guards."""
    return f"{ROOT}.events.{key.tokens}.>"


def workload_decisions(key: WorkloadKey, tag: str | None = None) -> str:
    """The decisions on a workload, all of them or those of one tag."""
    return f"{ROOT}.events.{key.tokens}.*.orchestrator.{type_token(tag) if tag is not None else '*'}"


def rollout_events(key: WorkloadKey, rollout: str) -> str:
    return f"{ROOT}.events.{key.tokens}.{to_token(rollout)}.>"


def find_rollout(cluster: str, namespace: str, rollout: str, tag: str | None = None) -> str:
    """The decisions of a rollout whose workload is not known, all of them or those of one tag."""
    type_ = type_token(tag) if tag is not None else "*"
    return f"{ROOT}.events.{to_token(cluster)}.{to_token(namespace)}.*.*.{to_token(rollout)}.orchestrator.{type_}"


def accepted_in(cluster: str) -> str:
    """One event for every rollout that was ever accepted in a cluster."""
    return f"{ROOT}.events.{to_token(cluster)}.*.*.*.*.orchestrator.accepted"


def namespace_events(cluster: str, namespace: str | None) -> str:
    """All events of a namespace, or of every namespace of a cluster."""
    return f"{ROOT}.events.{to_token(cluster)}.{to_token(namespace) if namespace is not None else '*'}.>"


def find_rollout_events(cluster: str, namespace: str, rollout: str) -> str:
    """All events of a rollout whose workload is not known."""
    return f"{ROOT}.events.{to_token(cluster)}.{to_token(namespace)}.*.*.{to_token(rollout)}.>"


def find_rollout_telemetry(cluster: str, namespace: str, rollout: str) -> str:
    return f"{ROOT}.telemetry.{to_token(cluster)}.{to_token(namespace)}.*.*.{to_token(rollout)}.*"


def facts_of(service: Service) -> str:
    return f"{ROOT}.events.*.*.*.*.*.{service}.*"


def order(service: Service, key: WorkloadKey) -> str:
    return f"{ROOT}.orders.{service}.{key.tokens}"


def orders_of(service: Service, cluster: str) -> str:
    return f"{ROOT}.orders.{service}.{to_token(cluster)}.>"


def timer(key: WorkloadKey) -> str:
    """Where a wake-up call is scheduled: one per workload, the next replaces it."""
    return f"{ROOT}.timers.set.{key.tokens}"


def timer_due(key: WorkloadKey) -> str:
    return f"{ROOT}.timers.due.{key.tokens}"


def telemetry(key: WorkloadKey, rollout: str, service: Service) -> str:
    return f"{ROOT}.telemetry.{key.tokens}.{to_token(rollout)}.{service}"


def progress(service: Service, key: WorkloadKey) -> str:
    """What the copies of a service leave for each other about a workload: the newest message counts."""
    return f"{ROOT}.progress.{service}.{key.tokens}"


def dead(service: str) -> str:
    return f"{ROOT}.dead.{service}"


class EventSubject(NamedTuple):
    key: WorkloadKey
    rollout: str
    service: str
    type: str


def parse_event(subject: str) -> EventSubject:
    """Reads `event`'s subject back.

    Raises:
        ValueError: it is no event subject of this version.
    """
    *key, rollout, service, type_ = _tokens(subject, "events", 7)
    return EventSubject(WorkloadKey.from_tokens(key), from_token(rollout), service, type_)


def parse_request(subject: str) -> tuple[str, str]:
    """Cluster and namespace of a request's subject.

    Raises:
        ValueError: it is no request's subject, or its tokens are no names: anybody may have written it.
    """
    cluster, namespace = _tokens(subject, "requests", 2)
    return from_token(cluster), from_token(namespace)


def parse_control(subject: str) -> tuple[str, str, str]:
    """Cluster, namespace and rollout of a control's subject; raises as `parse_request` does."""
    cluster, namespace, rollout = _tokens(subject, "controls", 3)
    return from_token(cluster), from_token(namespace), from_token(rollout)


def parse_verdict(subject: str) -> tuple[str, str, str, str]:
    """Cluster, namespace, rollout and check of a verdict's subject; raises as `parse_request` does."""
    cluster, namespace, rollout, check = _tokens(subject, "verdicts", 4)
    return from_token(cluster), from_token(namespace), from_token(rollout), from_token(check)


def parse_guard(subject: str) -> WorkloadKey:
    """The workload of a guard's subject; raises as `parse_request` does."""
    return WorkloadKey.from_tokens(_tokens(subject, "guards", 4))


def parse_order(subject: str) -> tuple[str, WorkloadKey]:
    """The addressed service and the workload of an order's subject; raises as `parse_request` does."""
    service, *key = _tokens(subject, "orders", 5)
    return service, WorkloadKey.from_tokens(key)


def parse_timer(subject: str) -> WorkloadKey:
    """The workload of a timer's subject; raises as `parse_request` does."""
    _, *key = _tokens(subject, "timers", 5)
    return WorkloadKey.from_tokens(key)


def _tokens(subject: str, message_class: str, count: int) -> list[str]:
    """The `count` tokens after `tidegate.<class>`."""
    prefix = f"{ROOT}.{message_class}."
    tokens = subject.removeprefix(prefix).split(".")
    if not subject.startswith(prefix) or len(tokens) != count:
        raise ValueError(f"{subject!r} is not a subject of {message_class}")
    return tokens
