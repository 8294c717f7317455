"""What to do next for one pod: the podlet's core, a pure function of the pod, what we hold of it, and the time.

`worker` calls `decide` whenever the pod changed or the returned moment came, performs the actions in order and
calls again. Level-triggered: it compares what is with what should be, and never relies on having seen an event.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidegate_sandbox.podlet import containers, status
from tidegate_sandbox.podlet.behaviour import Behaviour
from tidegate_sandbox.podlet.containers import ContainerRun, Exit
from tidegate_sandbox.podlet.pods import TERMINAL_PHASES, Pod, PodStatus, seconds

DEFAULT_PORT: Final = 8080
QUIET_WRITE_DELAY_S: Final = 0.5
"""How long a status that changes nobody's readiness may wait for the next one, to be written once with it."""


class ServerKey(Struct, frozen=True):
    """One process of one container; a restart is another process."""

    container: str
    restart_count: int
    image: str


class Bind(Struct, frozen=True):
    """Choose a node and bind the pod to it."""


class TakeAddress(Struct, frozen=True):
    """Give the pod an address: the one in its status if it has one."""


class OpenServer(Struct, frozen=True):
    key: ServerKey
    ports: tuple[int, ...]
    behaviour: Behaviour


class CrashServer(Struct, frozen=True):
    """Close at once, as a process that died."""

    key: ServerKey


class DrainServers(Struct, frozen=True):
    """Go on serving, but let clients know that it is the end."""


class StopServers(Struct, frozen=True):
    """Stop listening; what is being answered may finish until the deadline."""

    deadline_s: float


class WriteStatus(Struct, frozen=True):
    status: PodStatus


class RemovePod(Struct, frozen=True):
    """Delete the pod's object, by its uid."""


Action = Bind | TakeAddress | OpenServer | CrashServer | DrainServers | StopServers | WriteStatus | RemovePod


class Observed(Struct, frozen=True, kw_only=True):
    """What this podlet holds of a pod; everything else is in the pod itself."""

    node: str = ""
    node_address: str = ""
    address: str = ""
    runs: tuple[ContainerRun, ...] = ()
    serving: frozenset[ServerKey] = frozenset()
    unwritten_since_s: float | None = None
    terminating_since_s: float | None = None
    draining: bool = False
    removed: bool = False


class Decision(Struct, frozen=True):
    observed: Observed
    actions: tuple[Action, ...] = ()
    wake_at_s: float | None = None
    """When to decide again if the pod does not change before; with actions, right after them."""


def decide(pod: Pod, observed: Observed, now_s: float) -> Decision:
    if observed.removed:
        return Decision(observed)
    if not observed.node:
        may_bind = not pod.spec.scheduling_gates and pod.metadata.deletion_timestamp is None
        return Decision(observed, (Bind(),) if may_bind else ())
    if pod.metadata.deletion_timestamp is not None:
        return _terminate(pod, observed, now_s)
    if pod.status.phase in TERMINAL_PHASES and not observed.runs:
        return Decision(observed)
    if not observed.address:
        return Decision(observed, (TakeAddress(),))
    return _run(pod, _advanced(pod, observed, now_s), now_s)


def _advanced(pod: Pod, observed: Observed, now_s: float) -> Observed:
    policy = pod.spec.restart_policy
    if observed.runs:
        pairs = zip(observed.runs, pod.spec.containers, strict=True)
        runs = tuple(containers.advance(run, container, policy, now_s) for run, container in pairs)
    else:
        seen = {container.name: container for container in pod.status.container_statuses}
        runs = tuple(
            containers.advance(containers.adopt(container, seen.get(container.name), now_s), container, policy, now_s)
            for container in pod.spec.containers
        )
    return replace(observed, runs=runs)


def _run(pod: Pod, observed: Observed, now_s: float) -> Decision:
    changes = _server_changes(pod, observed)
    if changes:
        return Decision(observed, changes)
    wanted = status.render(pod, observed.runs, _place(observed), now_s)
    moments = [containers.next_change_s(run, now_s) for run in observed.runs]
    next_change_s = min((moment for moment in moments if moment is not None), default=None)
    if not status.differs(wanted, pod.status):
        return Decision(replace(observed, unwritten_since_s=None), wake_at_s=next_change_s)
    since_s = observed.unwritten_since_s if observed.unwritten_since_s is not None else now_s
    quiet_until_s = since_s + QUIET_WRITE_DELAY_S
    same_to_others = wanted.is_ready() == pod.status.is_ready() and pod.status.phase in {wanted.phase, "Pending"}
    if same_to_others and next_change_s is not None and now_s < next_change_s <= quiet_until_s:
        return Decision(replace(observed, unwritten_since_s=since_s), wake_at_s=next_change_s)
    return Decision(replace(observed, unwritten_since_s=None), (WriteStatus(wanted),))


def _server_changes(pod: Pod, observed: Observed) -> tuple[Action, ...]:
    wanted: dict[ServerKey, OpenServer] = {}
    for run in observed.runs:
        if containers.is_running(run) and isinstance(run.behaviour, Behaviour):
            key = ServerKey(run.name, run.restart_count, run.image)
            wanted[key] = OpenServer(key, ports_of(pod, run.name), run.behaviour)
    dead = sorted(observed.serving - wanted.keys(), key=lambda key: (key.container, key.restart_count))
    fresh = [server for key, server in wanted.items() if key not in observed.serving]
    return (*(CrashServer(key) for key in dead), *fresh)


def ports_of(pod: Pod, container_name: str) -> tuple[int, ...]:
    """The TCP ports a container serves; a pod that declares none serves the default on its first container."""
    declared = {
        container.name: tuple(dict.fromkeys(port.container_port for port in container.ports if port.protocol == "TCP"))
        for container in pod.spec.containers
    }
    if not any(declared.values()) and container_name == pod.spec.containers[0].name:
        return (DEFAULT_PORT,)
    return declared[container_name]


def cannot_open(observed: Observed, key: ServerKey, message: str, restart_policy: str, now_s: float) -> Observed:
    """The container's process could not start: it crashed before its first instruction."""
    runs = tuple(
        containers.ended(run, Exit(128, "StartError", now_s, now_s, message), restart_policy, now_s)
        if run.name == key.container and run.restart_count == key.restart_count
        else run
        for run in observed.runs
    )
    return replace(observed, runs=runs)


def _terminate(pod: Pod, observed: Observed, now_s: float) -> Decision:
    since_s = observed.terminating_since_s
    if since_s is None:
        since_s = _asked_to_stop_s(pod, now_s)
        observed = replace(observed, terminating_since_s=since_s)
    if (
        not observed.runs
        and observed.address == ""
        and pod.status.container_statuses
        and pod.status.phase not in TERMINAL_PHASES
    ):
        # It was serving before we started, and may still be asked for something.
        return Decision(observed, (TakeAddress(),))
    if not observed.runs and observed.address:
        observed = _advanced(pod, observed, now_s)
        changes = _server_changes(pod, observed)
        if changes:
            return Decision(observed, changes)
    if observed.serving and not observed.draining:
        return Decision(replace(observed, draining=True), (DrainServers(),))
    grace_s = pod.metadata.deletion_grace_period_seconds
    deadline_s = since_s + (pod.spec.termination_grace_period_seconds if grace_s is None else grace_s)
    stop_at_s = min(deadline_s, since_s + _drain_s(observed))
    if observed.serving and now_s < stop_at_s:
        return Decision(observed, wake_at_s=stop_at_s)
    if observed.serving:
        return Decision(observed, (StopServers(deadline_s),))
    return Decision(observed, (*_last_words(pod, observed, now_s), RemovePod()))


def _place(observed: Observed) -> status.Place:
    return status.Place(observed.address, observed.node_address)


def _drain_s(observed: Observed) -> float:
    return max((run.behaviour.drain_s for run in observed.runs if isinstance(run.behaviour, Behaviour)), default=0.0)


def _asked_to_stop_s(pod: Pod, now_s: float) -> float:
    # The API server's time has whole seconds: a deletion within the last one is taken as now.
    ends_s = seconds(pod.metadata.deletion_timestamp, now_s)
    return min(now_s, ends_s - (pod.metadata.deletion_grace_period_seconds or 0.0) + 1.0)


def _last_words(pod: Pod, observed: Observed, now_s: float) -> tuple[Action, ...]:
    if not pod.metadata.finalizers or not observed.runs or pod.status.phase in TERMINAL_PHASES:
        return ()
    return (WriteStatus(status.render_ended(pod, observed.runs, _place(observed), now_s)),)
