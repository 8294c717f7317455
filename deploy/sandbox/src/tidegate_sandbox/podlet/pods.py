"""The few fields of a Pod that the podlet reads and writes, as typed values.

`watch` decodes what the API server sends into them, `containers` and `lifecycle` reason on them, `worker` sends
`PodStatus` back as a strategic merge patch: a field that is None is sent as null, which takes the old value away.
"""

from datetime import UTC, datetime
from typing import Final

from msgspec import Raw, Struct, field

TERMINAL_PHASES: Final = frozenset({"Succeeded", "Failed"})


class Owner(Struct, frozen=True):
    uid: str = ""


class Metadata(Struct, frozen=True, rename="camel"):
    name: str
    uid: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    resource_version: str = ""
    generation: int | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: float | None = None
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[Owner, ...] = ()


class Port(Struct, frozen=True, rename="camel"):
    container_port: int
    protocol: str = "TCP"


class Variable(Struct, frozen=True):
    name: str
    value: str = ""


class Container(Struct, frozen=True):
    name: str
    image: str = ""
    ports: tuple[Port, ...] = ()
    env: tuple[Variable, ...] = ()


class ReadinessGate(Struct, frozen=True, rename="camel"):
    condition_type: str


class Requirement(Struct, frozen=True):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class NodeTerm(Struct, frozen=True, rename="camel"):
    match_fields: tuple[Requirement, ...] = ()
    match_expressions: tuple[Requirement, ...] = ()


class NodeTerms(Struct, frozen=True, rename="camel"):
    node_selector_terms: tuple[NodeTerm, ...] = ()


class NodeAffinity(Struct, frozen=True):
    required: NodeTerms | None = field(name="requiredDuringSchedulingIgnoredDuringExecution", default=None)


class Affinity(Struct, frozen=True, rename="camel"):
    node_affinity: NodeAffinity | None = None


class Toleration(Struct, frozen=True):
    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


class Spec(Struct, frozen=True, rename="camel"):
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: str = ""
    restart_policy: str = "Always"
    readiness_gates: tuple[ReadinessGate, ...] = ()
    scheduling_gates: tuple[Raw, ...] = ()
    node_selector: dict[str, str] = {}
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    termination_grace_period_seconds: float = 30.0


class Running(Struct, frozen=True, rename="camel"):
    started_at: str | None = None


class Waiting(Struct, frozen=True):
    reason: str | None = None
    message: str | None = None


class Terminated(Struct, frozen=True, rename="camel"):
    exit_code: int
    reason: str | None = None
    message: str | None = None
    started_at: str | None = None
    finished_at: str | None = None


class ContainerState(Struct, frozen=True):
    running: Running | None = None
    waiting: Waiting | None = None
    terminated: Terminated | None = None


class ContainerStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    name: str
    image: str = ""
    image_id: str = field(name="imageID", default="")
    container_id: str | None = field(name="containerID", default=None)
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class Condition(Struct, frozen=True, rename="camel"):
    type: str
    status: str
    reason: str | None = None
    message: str | None = None
    last_transition_time: str | None = None


class Address(Struct, frozen=True):
    ip: str


class PodStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    phase: str = "Pending"
    observed_generation: int | None = None
    host_ip: str | None = field(name="hostIP", default=None)
    host_ips: tuple[Address, ...] = field(name="hostIPs", default=())
    pod_ip: str | None = field(name="podIP", default=None)
    pod_ips: tuple[Address, ...] = field(name="podIPs", default=())
    start_time: str | None = None
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()

    def condition(self, kind: str) -> Condition | None:
        return next((condition for condition in self.conditions if condition.type == kind), None)

    def is_ready(self) -> bool:
        ready = self.condition("Ready")
        return ready is not None and ready.status == "True"


class Pod(Struct, frozen=True):
    metadata: Metadata
    spec: Spec = Spec()
    status: PodStatus = PodStatus()


def timestamp(at_s: float) -> str:
    """A time as the API server keeps it: whole seconds, UTC."""
    return datetime.fromtimestamp(int(at_s), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str | None, default: float) -> float:
    """A time of the API server as seconds since 1970."""
    if text is None:
        return default
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return default
