"""The hold loop around a kind of workload that does as the test says: what it does with every answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace
from support.until import until
from support.workloads import CLOCK, Notes

from tidegate_chassis.errors import Conflict, Permanent, Transient, UnknownOutcome
from tidegate_chassis.holding import HeldOrder, Lease, OrderLost
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.message import Message
from tidegate_contracts.facts import PodCounts, WorkloadFact, WorkloadGone, WorkloadPrepared, WorkloadRefused
from tidegate_contracts.orders import ApplyBatch, PrepareWorkload, ReleaseWorkload, Target, WorkloadOrder
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_workload_controller.actions import Action, Decision, Patch, Progress, Report
from tidegate_workload_controller.catalogue import Catalogue
from tidegate_workload_controller.holder import WorkloadHolder

WEB = WorkloadReference(name="web")
KEY = WorkloadKey("default", "shop", "deployment.apps", "web")
BATCH = ApplyBatch(
    rollout="r1",
    revision=3,
    workload=WEB,
    change=None,
    target=Target(percent=20),
    template_digest="d",
    stable_revision="v1",
)
RELEASE = ReleaseWorkload(rollout="r1", revision=4, workload=WEB, mode="promote")
PREPARE = PrepareWorkload(rollout="r1", revision=1, workload=WEB)
GONE = WorkloadGone(rollout="r1", order_revision=3, at_s=1.0)
PATCH = Patch({"spec": {}})
COUNTS = PodCounts(replicas=1, updated=1, updated_ready=1, stable=0, stable_ready=0)
Decide = Callable[[Any, int], Decision[int]]


class FakeWorkload:
    """Decides as it is told; its memory counts the decisions that were carried out."""

    def __init__(self, decide: Decide) -> None:
        self.changed = asyncio.Event()
        self.written: list[Action] = []
        self.looks: list[str] = []
        self.refusals: list[Exception] = []
        self.decisions = 0
        self.closed = 0
        self.syncs = 0
        self.cached: str | None = "cached"
        self.prepared: list[WorkloadPrepared | Exception] = []
        self._decide = decide

    def open(self, namespace: str, name: str) -> "FakeWorkload":
        assert (namespace, name) == ("shop", "web")
        return self

    async def prepare(self, order: PrepareWorkload, *, patient: bool, now_s: float) -> WorkloadPrepared:  # noqa: ARG002
        answer = self.prepared.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def synced(self) -> None:
        self.syncs += 1

    def look(self) -> str | None:
        self.looks.append("cached")
        return self.cached

    async def look_live(self) -> str:
        self.looks.append("live")
        return "live"

    def remember(self, order: WorkloadOrder) -> int:  # noqa: ARG002
        return 0

    def decide(self, order: WorkloadOrder, view: str, memory: int, now_s: float) -> Decision[int]:  # noqa: ARG002
        self.decisions += 1
        return self._decide(view, memory)

    async def explain(self, fact: WorkloadFact) -> WorkloadFact:
        return fact

    async def carry_out(self, action: Action, view: str, ensure: Callable[[], None]) -> None:  # noqa: ARG002
        ensure()
        if self.refusals:
            raise self.refusals.pop(0)
        self.written.append(action)

    def close(self) -> None:
        self.closed += 1


def held(order: WorkloadOrder, *, kind: str = "deployment.apps", lease_s: float = 1e9) -> HeldOrder[WorkloadOrder]:
    message = Message(
        subject="", payload=b"", headers={}, stream="", sequence=0, deliveries=1, time_s=CLOCK.now_s(), id="order"
    )
    lease = Lease(CLOCK, ack_wait_s=lease_s, since_s=0.0)
    return HeldOrder(KEY._replace(kind=kind), order, order.revision, message, lease)


class EverythingServed:
    """In the place of the Kubernetes client; but for Unicorns."""

    async def discover(self, api_version: str, kind: str) -> Resource | NotFound:
        if kind == "Unicorn":
            return NotFound(api_version, None, kind)
        return Resource(*api_version.split("/"), f"{kind.lower()}s", kind)


class NoLikes:
    def of(self, resource: Resource) -> FakeWorkload:
        raise AssertionError(f"a plugin holds {resource}")


def holder(workload: FakeWorkload, notes: Notes) -> WorkloadHolder:
    kinds = Catalogue({"deployment.apps": workload}, NoLikes(), EverythingServed())  # type: ignore[arg-type]
    return WorkloadHolder(kinds, notes, CLOCK)  # type: ignore[arg-type]


@asynccontextmanager
async def holding(workload: FakeWorkload, notes: Notes, order: WorkloadOrder = BATCH) -> AsyncIterator[None]:
    task = asyncio.create_task(holder(workload, notes).hold(held(order)))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def once(*actions: Action) -> Decide:
    """Wants these actions until they were carried out, then nothing."""
    return lambda _view, memory: Decision(memory + 1, actions) if memory == 0 else Decision(memory)


async def test_it_acts_once_and_then_waits_for_a_change() -> None:
    workload, notes = FakeWorkload(once(PATCH, Report(GONE))), Notes()
    async with holding(workload, notes):
        await until(lambda: workload.decisions == 2)
        assert workload.written == [PATCH]
        assert notes.facts == [GONE]
        workload.changed.set()
        await until(lambda: workload.decisions == 3)
    assert workload.closed == 1


async def test_a_time_that_was_asked_for_wakes_it() -> None:
    def decide(_view: str, memory: int) -> Decision[int]:
        return Decision(memory + 1, until_s=CLOCK.now_s() + 0.05)

    workload = FakeWorkload(decide)
    async with holding(workload, Notes()):
        await until(lambda: workload.decisions >= 3)


async def test_a_live_look_is_taken_where_the_decision_asks_for_it() -> None:
    def decide(view: str, memory: int) -> Decision[int]:
        return Decision(memory, look_live=True) if view == "cached" else Decision(memory + 1)

    workload = FakeWorkload(decide)
    async with holding(workload, Notes()):
        await until(lambda: workload.decisions == 2)
        assert workload.looks == ["cached", "live"]


async def test_what_the_caches_do_not_know_is_read_live_before_it_counts_as_gone() -> None:
    workload = FakeWorkload(once())
    workload.cached = None
    async with holding(workload, Notes()):
        await until(lambda: workload.decisions == 1)
        assert workload.looks == ["cached", "live"]


async def test_a_lost_race_is_looked_at_live_and_decided_again() -> None:
    workload, notes = FakeWorkload(once(PATCH)), Notes()
    workload.refusals = [Conflict("changed meanwhile")]
    async with holding(workload, notes):
        await until(lambda: workload.written == [PATCH])
        assert workload.looks[:2] == ["cached", "live"]


async def test_races_lost_again_and_again_are_left_to_the_chassis_backoff() -> None:
    workload = FakeWorkload(once(PATCH))
    workload.refusals = [Conflict("changed meanwhile") for _ in range(20)]
    with pytest.raises(Conflict):
        await holder(workload, Notes()).hold(held(BATCH))
    assert workload.decisions == 6


async def test_an_unknown_outcome_is_read_back_and_memory_forgotten() -> None:
    memories: list[int] = []

    def decide(view: str, memory: int) -> Decision[int]:
        memories.append(memory)
        return Decision(memory + 1, (PATCH,)) if memory < 2 else Decision(memory)

    workload = FakeWorkload(decide)
    workload.refusals = [UnknownOutcome("no answer")]
    async with holding(workload, Notes()):
        await until(lambda: len(workload.written) == 2)
        assert memories[:2] == [0, 0]
        assert workload.looks[1] == "live"


async def test_a_refusal_of_the_api_servers_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate_workload_controller.holder.REFUSED_WAIT_S", 0.01)
    workload, notes = FakeWorkload(once(PATCH)), Notes()
    refusal = Permanent("a webhook says no", code="refused-by-admission", rule="no v2 on Fridays")
    workload.refusals = [refusal, refusal, refusal]
    async with holding(workload, notes):
        await until(lambda: workload.written == [PATCH])
    (fact,) = notes.facts
    assert isinstance(fact, WorkloadRefused)
    assert fact.problem.rule == "no v2 on Fridays"


async def test_an_unreachable_api_server_is_the_chassis_to_retry() -> None:
    workload = FakeWorkload(once(PATCH))
    workload.refusals = [Transient("down")]
    with pytest.raises(Transient):
        await holder(workload, Notes()).hold(held(BATCH))
    assert workload.closed == 1


async def test_a_release_ends_when_it_is_done() -> None:
    workload, notes = FakeWorkload(lambda _view, memory: Decision(memory, (Report(GONE),), done=True)), Notes()
    await asyncio.wait_for(holder(workload, notes).hold(held(RELEASE)), 5.0)
    assert notes.facts == [GONE]


async def test_an_order_that_is_lost_reports_nothing() -> None:
    workload, notes = FakeWorkload(once(Report(GONE))), Notes()
    with pytest.raises(OrderLost):
        await holder(workload, notes).hold(held(BATCH, lease_s=0.0))
    assert not notes.facts


async def test_decisions_that_lead_nowhere_are_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate_workload_controller.holder.RESTLESS_WAIT_S", 60.0)
    workload = FakeWorkload(lambda _view, memory: Decision(memory, (PATCH,)))
    async with holding(workload, Notes()):
        await until(lambda: len(workload.written) >= 25)
        before = len(workload.written)
        await asyncio.sleep(0.1)
        assert len(workload.written) == before


async def test_progress_is_shown_a_few_times_a_second_and_its_end_is_not_left_out() -> None:
    shown = 0

    def decide(_view: str, memory: int) -> Decision[int]:
        nonlocal shown
        shown = min(shown + 1, 40)
        return Decision(memory, progress=Progress(shown, COUNTS), until_s=CLOCK.now_s() + 0.005)

    workload, notes = FakeWorkload(decide), Notes()
    async with holding(workload, notes):
        await until(lambda: bool(notes.telemetry) and notes.telemetry[-1].target_pods == 40)
    assert len(notes.telemetry) <= 6


async def test_a_preparation_is_reported_and_then_left_alone() -> None:
    workload, notes = FakeWorkload(once()), Notes()
    answer = WorkloadPrepared(
        rollout="r1", order_revision=1, at_s=1.0, stable_revision="v1", template_digest="d", counts=COUNTS
    )
    workload.prepared = [Transient("no ReplicaSet yet"), answer]
    with pytest.raises(Transient):
        await holder(workload, notes).hold(held(PREPARE))
    await holder(workload, notes).hold(held(PREPARE))
    assert notes.facts == [answer]


async def test_a_kind_that_the_cluster_does_not_serve_is_refused_with_those_that_can_be_held() -> None:
    notes = Notes()
    order = replace(PREPARE, workload=WorkloadReference(name="web", kind="Unicorn", api_version="example.com/v1"))
    await holder(FakeWorkload(once()), notes).hold(held(order, kind="unicorn.example.com"))
    (fact,) = notes.facts
    assert isinstance(fact, WorkloadRefused)
    assert fact.problem.value == "example.com/v1 Unicorn"
    assert "deployment.apps" in fact.problem.remedy
