from typing import Any

import pytest
from support.clock import ManualClock

from tidegate_chassis.errors import Conflict, Permanent, Transient, UnknownOutcome
from tidegate_chassis.floors import KEPT_S, WORKLOADS_MAX, Floors
from tidegate_chassis.holding import FAULT_WAIT_S, LEASE_MARGIN_S, RETRY_WAIT_S, HeldOrder, Holding, Lease, OrderLost
from tidegate_chassis.message import stored
from tidegate_chassis.pulse import DOUBT_S, PAUSE_S, TICK_S, Pulse
from tidegate_contracts.workload import WorkloadKey

ACK_WAIT_S = 5.0
KEY = WorkloadKey("default", "default", "deployment.apps", "web")
MESSAGE = stored("tidegate.orders.x", b"", {}, stream="S", sequence=1, time_ns=0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def lease(clock: ManualClock) -> Lease:
    return Lease(clock, ack_wait_s=ACK_WAIT_S, since_s=clock.monotonic_s())


class Scripted:
    """A holder that fails as told, then returns."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    async def hold(self, _: HeldOrder[str]) -> None:
        if self.failures:
            raise self.failures.pop(0)


def holding(clock: ManualClock, lease: Lease) -> Holding[str]:
    receipt: Any = None
    return Holding(HeldOrder(KEY, "order", 1, MESSAGE, lease), lease, receipt, clock)


def test_a_lease_ends_before_the_server_gives_the_order_away(clock: ManualClock, lease: Lease) -> None:
    clock.advance(ACK_WAIT_S - LEASE_MARGIN_S - 0.01)
    assert lease.problem() is None
    clock.advance(0.02)
    assert "heartbeats" in (lease.problem() or "")


def test_a_renewed_lease_counts_from_the_heartbeat_not_from_its_answer(clock: ManualClock, lease: Lease) -> None:
    beaten_s = clock.monotonic_s() + 1
    clock.advance(4)
    lease.renew(beaten_s)
    clock.advance(1.4)
    assert lease.problem() is None
    clock.advance(0.2)
    assert lease.problem() is not None


def test_a_lease_that_ran_out_cannot_be_renewed(clock: ManualClock, lease: Lease) -> None:
    clock.advance(ACK_WAIT_S)
    lease.renew(clock.monotonic_s())
    assert lease.problem() is not None


def test_a_late_answer_does_not_shorten_a_lease(clock: ManualClock, lease: Lease) -> None:
    lease.renew(clock.monotonic_s() - 3)
    clock.advance(4)
    assert lease.problem() is None


def test_a_holder_may_not_act_on_an_order_that_was_taken_from_it(clock: ManualClock, lease: Lease) -> None:
    held = holding(clock, lease).held
    held.ensure()
    lease.end("superseded")
    lease.end("stopping")
    with pytest.raises(OrderLost, match="superseded"):
        held.ensure()


async def test_a_failing_holder_is_called_again_after_ever_longer_waits(clock: ManualClock, lease: Lease) -> None:
    failures = [Transient("busy"), UnknownOutcome("?"), Conflict("stale"), Transient("busy", delay_s=0.7)]
    await holding(clock, lease).keep(Scripted(*failures))
    assert clock.slept_s == [*RETRY_WAIT_S[:3], 0.7]


async def test_a_bug_waits_longer_and_does_not_lengthen_other_waits(clock: ManualClock, lease: Lease) -> None:
    failures = [RuntimeError("a bug"), Transient("busy"), Permanent("no", code="no"), Transient("busy")]
    await holding(clock, lease).keep(Scripted(*failures))
    assert clock.slept_s == [FAULT_WAIT_S[0], RETRY_WAIT_S[0], FAULT_WAIT_S[1], RETRY_WAIT_S[1]]


async def test_waits_stay_at_the_longest(clock: ManualClock, lease: Lease) -> None:
    await holding(clock, lease).keep(Scripted(*(Transient("busy") for _ in range(20))))
    assert clock.slept_s[-3:] == [RETRY_WAIT_S[-1]] * 3


async def test_a_lost_order_ends_its_work(clock: ManualClock, lease: Lease) -> None:
    with pytest.raises(OrderLost):
        await holding(clock, lease).keep(Scripted(OrderLost("gone"), RuntimeError("never reached")))


def test_what_is_read_between_beats_was_delivered_after_the_last_one(clock: ManualClock) -> None:
    pulse = Pulse(clock)
    clock.advance(TICK_S)
    assert pulse.beat() == 0
    beaten_s = clock.monotonic_s()
    clock.advance(TICK_S / 2)
    assert pulse.since_s() == beaten_s


def test_what_is_read_after_a_pause_may_have_been_delivered_before_it(clock: ManualClock) -> None:
    pulse = Pulse(clock)
    before_s = clock.monotonic_s()
    clock.advance(PAUSE_S + 9)
    assert pulse.since_s() == before_s, "read before the first beat"
    assert pulse.beat() == PAUSE_S + 9
    clock.advance(DOUBT_S / 2)
    assert pulse.since_s() == before_s, "read from what the socket held"
    clock.advance(DOUBT_S)
    pulse.beat()
    assert pulse.since_s() == clock.monotonic_s()


def test_a_floor_rises_and_never_sinks(clock: ManualClock) -> None:
    floors = Floors(clock)
    assert floors.of(KEY) == -1
    floors.rise(KEY, 7)
    floors.rise(KEY, 5)
    assert floors.of(KEY) == 7


def test_a_floor_that_was_heard_long_ago_holds_nothing_back(clock: ManualClock) -> None:
    floors = Floors(clock)
    floors.rise(KEY, 7)
    clock.advance(KEPT_S + 1)
    assert floors.of(KEY) == -1


def test_floors_are_bounded(clock: ManualClock) -> None:
    floors = Floors(clock)
    for number in range(WORKLOADS_MAX + 1):
        floors.rise(WorkloadKey("default", "default", "deployment.apps", f"web-{number}"), 1)
    assert floors.of(WorkloadKey("default", "default", "deployment.apps", "web-0")) == -1
    assert floors.of(WorkloadKey("default", "default", "deployment.apps", f"web-{WORKLOADS_MAX}")) == 1
