from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidegate_sandbox.podlet import lifecycle
from tidegate_sandbox.podlet.lifecycle import Observed, ServerKey, decide
from tidegate_sandbox.podlet.pods import (
    Condition,
    Container,
    Metadata,
    Pod,
    PodStatus,
    Port,
    ReadinessGate,
    Spec,
    timestamp,
)

START_S = 1_800_000_000.25


def make_pod(*images: str, spec: Spec | None = None) -> Pod:
    containers = tuple(Container(name=f"c{index}", image=image) for index, image in enumerate(images))
    return Pod(
        Metadata(name="web-1", uid="uid-1", namespace="default", generation=1),
        replace(spec or Spec(), containers=containers),
    )


@dataclass
class World:
    """The API server and the worker as far as one pod sees them; time moves only when it is told to."""

    pod: Pod
    observed: Observed = field(default_factory=Observed)
    now_s: float = START_S
    ports: dict[ServerKey, tuple[int, ...]] = field(default_factory=dict)
    writes: list[tuple[float, PodStatus]] = field(default_factory=list)
    bound: int = 0
    stopped_at_s: float | None = None
    crashes: int = 0
    removed_at_s: float | None = None
    port_is_taken: bool = False

    def run_until(self, end_s: float) -> "World":
        for _ in range(2_000):
            decision = decide(self.pod, self.observed, self.now_s)
            self.observed = decision.observed
            for action in decision.actions:
                self.perform(action)
            if decision.actions:
                continue
            if decision.wake_at_s is None or decision.wake_at_s > end_s:
                self.now_s = end_s
                return self
            assert decision.wake_at_s > self.now_s - 1e-6
            self.now_s = max(self.now_s, decision.wake_at_s)
        pytest.fail("the pod does not come to rest")

    def run_for(self, seconds: float) -> "World":
        return self.run_until(self.now_s + seconds)

    def perform(self, action: lifecycle.Action) -> None:
        match action:
            case lifecycle.Bind():
                self.bound += 1
                self.observed = replace(self.observed, node="node-1", node_address="10.0.0.1")
            case lifecycle.TakeAddress():
                self.observed = replace(self.observed, address=self.pod.status.pod_ip or "10.244.1.1")
            case lifecycle.OpenServer(key, ports, _):
                self._open(key, ports)
            case lifecycle.CrashServer(key):
                self.crashes += 1
                del self.ports[key]
                self.observed = replace(self.observed, serving=self.observed.serving - {key})
            case lifecycle.DrainServers():
                pass
            case lifecycle.StopServers():
                self.stopped_at_s = self.now_s
                self.ports.clear()
                self.observed = replace(self.observed, serving=frozenset())
            case lifecycle.WriteStatus(status):
                self._write(status)
            case lifecycle.RemovePod():
                self.removed_at_s = self.now_s
                self.observed = replace(self.observed, removed=True)

    def _open(self, key: ServerKey, ports: tuple[int, ...]) -> None:
        if self.port_is_taken:
            self.observed = lifecycle.cannot_open(
                self.observed, key, "cannot listen: address in use", self.pod.spec.restart_policy, self.now_s
            )
            return
        self.ports[key] = ports
        self.observed = replace(self.observed, serving=self.observed.serving | {key})

    def _write(self, status: PodStatus) -> None:
        self.writes.append((self.now_s, status))
        foreign = tuple(c for c in self.pod.status.conditions if status.condition(c.type) is None)
        self.pod = replace(self.pod, status=replace(status, conditions=(*status.conditions, *foreign)))

    def open_gate(self, gate: str) -> None:
        status = self.pod.status
        conditions = (*status.conditions, Condition(gate, "True"))
        self.pod = replace(self.pod, status=replace(status, conditions=conditions))

    def delete(self, grace_s: float = 30.0) -> None:
        metadata = replace(
            self.pod.metadata,
            deletion_timestamp=timestamp(self.now_s + grace_s),
            deletion_grace_period_seconds=grace_s,
        )
        self.pod = replace(self.pod, metadata=metadata)

    def restart_podlet(self) -> "World":
        """Another podlet finds the pod as it is in the API server."""
        observed = Observed(node="node-1", node_address="10.0.0.1", address=self.pod.status.pod_ip or "")
        return World(self.pod, observed, self.now_s)

    @property
    def status(self) -> PodStatus:
        return self.pod.status

    def waiting_reason(self) -> str | None:
        waiting = self.status.container_statuses[0].state.waiting
        return waiting.reason if waiting else None


def started(*images: str, spec: Spec | None = None, seconds: float = 1.0) -> World:
    return World(make_pod(*images, spec=spec)).run_for(seconds)


def test_a_pod_is_bound_once_and_ready_after_its_delay_with_a_single_write() -> None:
    world = started("web:v1")
    assert world.bound == 1
    assert world.status.is_ready()
    assert [round(at_s - START_S, 3) for at_s, _ in world.writes] == [0.3]
    assert world.status.phase == "Running"
    assert world.status.pod_ip == "10.244.1.1"
    assert world.status.observed_generation == 1


def test_a_slow_pod_is_running_long_before_it_is_ready() -> None:
    world = started("web:v1_ready-5", seconds=4.0)
    assert not world.status.is_ready()
    assert world.status.phase == "Running"
    assert world.run_for(1.1).status.is_ready()
    assert len(world.writes) == 2


def test_a_settled_pod_is_never_written_again() -> None:
    world = started("web:v1")
    writes = len(world.writes)
    assert len(world.run_for(100_000.0).writes) == writes


def test_a_pod_without_declared_ports_serves_the_default_and_declared_ones_otherwise() -> None:
    assert list(started("web:v1", "sidecar:v1").ports.values()) == [(8080,), ()]
    pod = make_pod("web:v1")
    ports = (Port(9000), Port(9001), Port(9000), Port(53, "UDP"))
    pod = replace(pod, spec=replace(pod.spec, containers=(replace(pod.spec.containers[0], ports=ports),)))
    assert list(World(pod).run_for(1.0).ports.values()) == [(9000, 9001)]


def test_a_readiness_gate_keeps_a_running_pod_unready_until_it_opens() -> None:
    world = started("web:v1", spec=Spec(readiness_gates=(ReadinessGate("InPlaceUpdateReady"),)))
    ready = world.status.condition("Ready")
    assert ready is not None
    assert (ready.status, ready.reason) == ("False", "ReadinessGatesNotReady")
    containers_ready = world.status.condition("ContainersReady")
    assert containers_ready is not None
    assert containers_ready.status == "True"
    world.open_gate("InPlaceUpdateReady")
    assert world.run_for(0.1).status.is_ready()


def test_a_crash_restarts_at_once_the_first_time_and_backs_off_from_the_second() -> None:
    world = started("web:v1_crash-2", seconds=2.5)
    container = world.status.container_statuses[0]
    assert (container.restart_count, container.ready) == (1, True)
    assert container.last_state.terminated is not None
    assert container.last_state.terminated.exit_code == 1
    world.run_for(2.0)
    assert world.waiting_reason() == "CrashLoopBackOff"
    assert not world.status.is_ready()
    assert world.crashes == 2
    assert not world.ports


def test_the_back_off_grows_to_its_limit() -> None:
    world = started("web:v1_crash-0", seconds=1_000.0)
    restarts = world.status.container_statuses[0].restart_count
    # 0 1 2 4 8 16 30 30 ...: six restarts in the first half minute, then one every half minute.
    assert 36 <= restarts <= 40


def test_a_container_that_is_never_to_restart_fails_its_pod() -> None:
    world = started("job:v1_crash-1", spec=Spec(restart_policy="Never"), seconds=5.0)
    assert world.status.phase == "Failed"
    assert world.status.container_statuses[0].restart_count == 0
    assert not world.ports


def test_an_image_that_cannot_be_pulled_waits_with_the_kubelets_reasons() -> None:
    world = started("web:v1_pull-fail", seconds=0.5)
    assert world.waiting_reason() == "ErrImagePull"
    assert world.status.phase == "Pending"
    world.run_for(1.0)
    assert world.waiting_reason() == "ImagePullBackOff"
    assert not world.ports


def test_an_unknown_behaviour_waits_and_says_what_is_unknown() -> None:
    world = started("web:v1_colour-blue")
    waiting = world.status.container_statuses[0].state.waiting
    assert waiting is not None
    assert waiting.reason == "CreateContainerConfigError"
    assert "colour-blue" in (waiting.message or "")


def test_a_port_that_is_taken_shows_as_a_crash_loop_with_the_cause() -> None:
    world = World(make_pod("web:v1"), port_is_taken=True).run_for(0.9)
    assert world.waiting_reason() == "CrashLoopBackOff"
    last = world.status.container_statuses[0].last_state.terminated
    assert last is not None
    assert "address in use" in (last.message or "")
    world.port_is_taken = False
    assert world.run_for(2.0).status.is_ready()


def test_flapping_readiness_turns_over_and_the_server_stays() -> None:
    world = started("web:v1_flap-1", seconds=10.0)
    readiness = [status.is_ready() for _, status in world.writes]
    assert readiness == [True, False] * 5
    assert world.ports
    assert world.crashes == 0


def test_one_unready_container_makes_the_pod_unready() -> None:
    world = started("web:v1", "sidecar:v1_ready-never")
    ready = world.status.condition("Ready")
    assert ready is not None
    assert ready.message == "containers with unready status: [c1]"


def test_an_image_changed_in_place_restarts_the_container_with_another_image_id() -> None:
    world = started("web:v1")
    before = world.status.container_statuses[0]
    pod = world.pod
    changed = (replace(pod.spec.containers[0], image="web:v2_errors-5"),)
    world.pod = replace(pod, spec=replace(pod.spec, containers=changed))
    world.run_for(0.1)
    assert [key.image for key in world.ports] == ["web:v2_errors-5"]
    world.run_for(1.0)
    after = world.status.container_statuses[0]
    assert after.image_id != before.image_id
    assert (after.restart_count, after.ready) == (1, True)


def test_a_deleted_pod_serves_on_for_its_drain_time_and_is_then_removed() -> None:
    world = started("web:v1")
    world.delete()
    deleted_at_s = world.now_s
    world.run_for(0.9)
    assert world.ports
    assert world.removed_at_s is None
    world.run_for(0.2)
    assert world.stopped_at_s == pytest.approx(deleted_at_s + 1.0)
    assert world.removed_at_s == world.stopped_at_s


@pytest.mark.parametrize(
    ("image", "grace_s", "stops_after_s"),
    [
        pytest.param("web:v1_drain-20", 30.0, 20.0, id="slow"),
        pytest.param("web:v1_drain-20", 5.0, 5.0, id="slower-than-its-grace"),
        pytest.param("web:v1_drain-0", 30.0, 0.0, id="at-once"),
        pytest.param("web:v1", 0.0, 0.0, id="no-grace"),
    ],
)
def test_the_drain_ends_with_the_grace_period_at_the_latest(image: str, grace_s: float, stops_after_s: float) -> None:
    world = started(image)
    world.delete(grace_s)
    deleted_at_s = world.now_s
    world.run_for(60.0)
    assert world.stopped_at_s == pytest.approx(deleted_at_s + stops_after_s)


def test_a_grace_period_cut_short_by_a_second_deletion_counts() -> None:
    world = started("web:v1_drain-20")
    world.delete(30.0)
    deleted_at_s = world.now_s
    world.run_for(1.0)
    metadata = replace(world.pod.metadata, deletion_grace_period_seconds=3.0)
    world.pod = replace(world.pod, metadata=metadata)
    world.run_for(60.0)
    assert world.removed_at_s == pytest.approx(deleted_at_s + 3.0)


def test_a_pod_that_serves_nothing_is_removed_at_once() -> None:
    world = started("web:v1_pull-fail")
    world.delete()
    world.run_for(0.0)
    assert world.removed_at_s == world.now_s


def test_a_pod_held_by_a_finalizer_is_told_to_have_ended() -> None:
    pod = make_pod("job:v1")
    world = World(replace(pod, metadata=replace(pod.metadata, finalizers=("batch.kubernetes.io/job-tracking",))))
    world.run_for(1.0).delete()
    world.run_for(2.0)
    assert world.removed_at_s is not None
    assert world.status.phase == "Succeeded"
    assert not world.status.is_ready()


def test_a_gated_or_deleted_pod_is_not_bound() -> None:
    pod = make_pod("web:v1")
    gated = replace(pod, spec=replace(pod.spec, scheduling_gates=(b"{}",)))
    assert World(gated).run_for(1.0).bound == 0
    deleted = World(pod)
    deleted.delete()
    assert deleted.run_for(1.0).bound == 0


def test_a_restarted_podlet_takes_a_ready_pod_over_without_a_write() -> None:
    world = started("web:v1", seconds=5.0).restart_podlet().run_for(10.0)
    assert world.writes == []
    assert list(world.ports.values()) == [(8080,)]
    assert world.status.is_ready()


def test_a_restarted_podlet_goes_on_counting_restarts() -> None:
    before = started("web:v1_crash-2", seconds=8.0)
    count = before.status.container_statuses[0].restart_count
    after = before.restart_podlet().run_for(60.0)
    assert after.status.container_statuses[0].restart_count > count


def test_a_restarted_podlet_ends_a_deletion_that_was_under_way() -> None:
    world = started("web:v1_drain-10", seconds=5.0)
    world.delete()
    deleted_at_s = world.now_s
    world = world.run_for(2.0).restart_podlet().run_for(0.0)
    assert world.ports
    world.run_for(30.0)
    assert world.removed_at_s == pytest.approx(deleted_at_s + 10.0, abs=1.0)


def test_a_readiness_taken_away_by_a_controller_is_given_back() -> None:
    world = started("web:v1")
    conditions = tuple(
        replace(condition, status="False") if condition.type == "Ready" else condition
        for condition in world.status.conditions
    )
    world.pod = replace(world.pod, status=replace(world.status, conditions=conditions))
    assert world.run_for(0.0).status.is_ready()


tag_parts = st.sampled_from(
    (
        *("ready-0", "ready-0.2", "ready-3", "ready-never", "crash-0", "crash-0.4", "crash-6"),
        *("flap-0.7", "drain-0", "drain-2", "pull-fail", "odd-1", "latency-5", "exit-0.3", "code-3"),
    )
)


@given(
    tags=st.lists(st.lists(tag_parts, max_size=3), min_size=1, max_size=2),
    lives_s=st.floats(0.0, 40.0),
    grace_s=st.sampled_from([0.0, 1.0, 30.0]),
    restarts=st.booleans(),
)
def test_whatever_it_does_a_ready_pod_serves_and_a_deleted_one_goes_in_time(
    tags: list[list[str]], lives_s: float, grace_s: float, *, restarts: bool
) -> None:
    world = World(make_pod(*("_".join(["web:v1", *parts]) for parts in tags)))
    world.run_for(lives_s)
    assert not world.status.is_ready() or len(world.ports) == len(tags)
    if restarts:
        world = world.restart_podlet().run_for(0.5)
    world.delete(grace_s)
    deleted_at_s = world.now_s
    world.run_for(60.0)
    assert not world.ports
    assert world.removed_at_s is not None
    assert world.removed_at_s <= deleted_at_s + grace_s + 1e-6
