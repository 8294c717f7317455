"""What the holder does beyond one analysis: reporting through outages, letting go, and the background's continuity."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from structlog.testing import capture_logs
from support.metric_providers import ScriptedProvider, Told

from tidegate_chassis.clock import SystemClock
from tidegate_chassis.errors import Transient, UnknownOutcome
from tidegate_chassis.holding import HeldOrder, Lease, OrderLost
from tidegate_chassis.message import Message
from tidegate_contracts.facts import AnalysisConcluded, AnalysisReleased, Fact
from tidegate_contracts.orders import Analyse, AnalysisOrder, ReleaseAnalysis
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_metrics_analyzer import holder, kept
from tidegate_metrics_analyzer.holder import AnalysisHolder
from tidegate_metrics_analyzer.measure import Measurer

KEY = WorkloadKey("default", "shop", "deployment.apps", "web")
WEB = WorkloadReference(name="web")
GOOD, BAD = 0.01, 0.9
CHECK = Check(
    name="errors", query="errors", provider="scripted", maximum=0.05, interval_s=0.005, window_s=1e6, failure_limit=3
)


class Publisher:
    """Keeps facts; `failures` are raised first, one per report."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.causes: list[str] = []
        self.failures: list[Exception] = []

    async def report(self, key: WorkloadKey, fact: Fact, *, cause: str = "") -> int:
        assert key == KEY
        if self.failures:
            raise self.failures.pop(0)
        self.facts.append(fact)
        self.causes.append(cause)
        return len(self.facts)

    async def observe(self, key: WorkloadKey, rollout: str, telemetry: object) -> None:
        assert (key, bool(rollout), bool(telemetry)) == (KEY, True, True)


class Shelf:
    """Keeps what was left last."""

    def __init__(self) -> None:
        self.left: bytes | None = None

    async def put(self, key: WorkloadKey, payload: bytes) -> None:
        assert key == KEY
        self.left = payload

    async def get(self, key: WorkloadKey) -> bytes | None:
        assert key == KEY
        return self.left


class Bench:
    def __init__(self, *values: Told) -> None:
        self.publisher = Publisher()
        self.provider = ScriptedProvider(errors=list(values))
        measurer = Measurer({"scripted": self.provider}, SystemClock())
        self.shelf = Shelf()
        self.holder = AnalysisHolder(measurer, self.publisher, self.shelf, SystemClock())  # type: ignore[arg-type]
        self.lease = Lease(SystemClock(), ack_wait_s=60, since_s=time.monotonic())

    def held(self, order: AnalysisOrder, deliveries: int = 1) -> HeldOrder[AnalysisOrder]:
        message = Message(
            subject="s",
            payload=b"",
            headers={},
            stream="o",
            sequence=1,
            deliveries=deliveries,
            time_s=1.0,
            id=f"order-{order.revision}",
        )
        return HeldOrder(KEY, order, order.revision, message, self.lease)

    @asynccontextmanager
    async def holding(self, order: AnalysisOrder, deliveries: int = 1) -> AsyncIterator[None]:
        task = asyncio.create_task(self.holder.hold(self.held(order, deliveries)))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not met():  # noqa: ASYNC110 - several things are waited for here
                await asyncio.sleep(0.005)


def analyse(revision: int, *, rollout: str = "r", step: bool = False, since_s: float | None = None) -> Analyse:
    analysis = Analysis(checks=(CHECK,))
    return Analyse(
        rollout=rollout,
        revision=revision,
        workload=WEB,
        stable_revision="a",
        canary_revision="b",
        step_analysis=analysis if step else None,
        background_analysis=None if step else analysis,
        since_s=time.time() - 100 if since_s is None else since_s,
    )


async def test_a_verdict_is_reported_under_the_orders_id_when_the_bus_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holder, "REPORT_RETRY_S", 0.01)
    bench = Bench(GOOD)
    bench.publisher.failures = [Transient("no bus"), UnknownOutcome("no answer")]
    await bench.holder.hold(bench.held(analyse(7, step=True)))
    (fact,) = bench.publisher.facts
    assert isinstance(fact, AnalysisConcluded)
    assert (fact.verdict, fact.measurements[0].measured) == ("pass", 3)
    assert bench.publisher.causes == ["order-7"]


async def test_a_lost_order_reports_nothing() -> None:
    bench = Bench(GOOD)
    bench.lease.end("another copy has it")
    with pytest.raises(OrderLost):
        await bench.holder.hold(bench.held(analyse(7, step=True)))
    assert bench.publisher.facts == []


async def test_a_release_is_answered_and_nothing_is_measured() -> None:
    bench = Bench(GOOD)
    await bench.holder.hold(bench.held(ReleaseAnalysis(rollout="r", revision=9, workload=WEB)))
    (fact,) = bench.publisher.facts
    assert isinstance(fact, AnalysisReleased)
    assert fact.order_revision == 9
    assert bench.provider.questions == []


async def test_the_background_goes_on_under_the_rollouts_next_order() -> None:
    bench = Bench(BAD, BAD, None)
    async with bench.holding(analyse(1)):
        await bench.until(lambda: len(bench.provider.questions) == 3)
    bench.provider.answers["errors"] = [BAD, GOOD]
    asked = len(bench.provider.questions)
    async with bench.holding(analyse(2, since_s=time.time() - 2)):
        await bench.until(lambda: len(bench.publisher.facts) == 1)
    (fact,) = bench.publisher.facts
    assert isinstance(fact, AnalysisConcluded)
    assert (fact.order_revision, fact.verdict) == (2, "fail")
    assert fact.measurements[0].values == (BAD, BAD, BAD)
    assert bench.provider.questions[asked].window_s > 90


async def test_another_rollouts_background_starts_afresh() -> None:
    bench = Bench(BAD, BAD, None)
    async with bench.holding(analyse(1)):
        await bench.until(lambda: len(bench.provider.questions) == 3)
    bench.provider.answers["errors"] = [BAD, GOOD]
    asked = len(bench.provider.questions)
    async with bench.holding(analyse(2, rollout="other", since_s=time.time() - 2)):
        await bench.until(lambda: len(bench.provider.questions) >= asked + 5)
    assert bench.publisher.facts == []
    assert bench.provider.questions[asked].window_s < 10


async def test_a_failure_that_was_reported_does_not_fail_the_next_order_by_itself() -> None:
    bench = Bench(BAD)
    async with bench.holding(analyse(1)):
        await bench.until(lambda: len(bench.publisher.facts) == 1)
    bench.provider.answers["errors"] = [GOOD]
    asked = len(bench.provider.questions)
    async with bench.holding(analyse(2)):
        await bench.until(lambda: len(bench.provider.questions) >= asked + 5)
    assert len(bench.publisher.facts) == 1


async def test_measurements_with_a_gap_behind_them_do_not_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holder, "BACKGROUND_GAP_S_MAX", 0.0)
    bench = Bench(BAD, BAD, None)
    async with bench.holding(analyse(1)):
        await bench.until(lambda: len(bench.provider.questions) == 3)
    bench.provider.answers["errors"] = [BAD, GOOD]
    asked = len(bench.provider.questions)
    await asyncio.sleep(0.01)
    async with bench.holding(analyse(2)):
        await bench.until(lambda: len(bench.provider.questions) >= asked + 5)
    assert bench.publisher.facts == []


async def test_the_memory_of_backgrounds_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holder, "BACKGROUNDS_KEPT", 0)
    bench = Bench(GOOD)
    async with bench.holding(analyse(1)):
        await bench.until(lambda: bool(bench.provider.questions))
    assert not bench.holder._backgrounds


async def killed(order: Analyse, *values: Told) -> bytes:
    """What a copy left that had measured these values."""
    bench = Bench(*values, None)
    async with bench.holding(order):
        await bench.until(lambda: bench.shelf.left is not None and len(bench.provider.questions) == len(values) + 1)
        bench.lease.end("killed")
    assert bench.shelf.left is not None
    return bench.shelf.left


async def taken_over(left: bytes | None, order: Analyse, *values: Told) -> AnalysisConcluded:
    """What another copy concludes."""
    bench = Bench(*values)
    bench.shelf.left = left
    async with bench.holding(order, deliveries=2):
        await bench.until(lambda: len(bench.publisher.facts) == 1)
    (fact,) = bench.publisher.facts
    assert isinstance(fact, AnalysisConcluded)
    return fact


@pytest.mark.parametrize("step", [True, False], ids=["step", "background"])
async def test_a_successor_goes_on_with_what_was_measured(*, step: bool) -> None:
    order = analyse(1, step=step)
    left = await killed(order, BAD, BAD)
    fact = await taken_over(left, order, BAD, GOOD)
    assert (fact.verdict, fact.measurements[0].values) == ("fail", (BAD, BAD, BAD))
    assert fact.measurements[0].measured == 3


async def test_a_step_passes_with_samples_of_two_copies_each_counted_once() -> None:
    order = analyse(1, step=True)
    fact = await taken_over(await killed(order, GOOD, GOOD), order, GOOD)
    assert (fact.verdict, fact.measurements[0].measured, fact.measurements[0].values) == ("pass", 3, (GOOD,) * 3)


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (analyse(2, step=True), "another order's step"),
        (analyse(1, rollout="other", step=True), "another rollout's"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
async def test_what_was_measured_for_something_else_is_not_taken(order: Analyse, why: str) -> None:
    left = await killed(analyse(1, step=True, since_s=time.time() - 100), BAD, BAD)
    fact = await taken_over(left, order, GOOD)
    assert fact.measurements[0].values == (GOOD, GOOD, GOOD), why


async def test_other_checks_under_the_same_order_begin_afresh() -> None:
    left = await killed(analyse(1, step=True), BAD, BAD)
    changed = msgspec.structs.replace(CHECK, maximum=0.04)
    order = msgspec.structs.replace(analyse(1, step=True), step_analysis=Analysis(checks=(changed,)))
    assert (await taken_over(left, order, GOOD)).verdict == "pass"


@pytest.mark.parametrize("left", [None, b"", b"\xc1", b"\x80"])
async def test_what_can_not_be_read_is_as_if_nothing_was_left(left: bytes | None) -> None:
    fact = await taken_over(left, analyse(1, step=True), GOOD)
    assert (fact.verdict, fact.measurements[0].measured) == ("pass", 3)


async def test_a_successor_reports_no_verdict_of_the_background_twice() -> None:
    bench = Bench(BAD)
    async with bench.holding(analyse(1)):
        await bench.until(lambda: bool(bench.publisher.facts) and bench.shelf.left is not None)
        await bench.until(lambda: decoded(bench.shelf).reported == "fail")
    successor = Bench(BAD)
    successor.shelf = bench.shelf
    successor.holder._shelf = bench.shelf
    async with successor.holding(analyse(1), deliveries=2):
        await successor.until(lambda: len(successor.provider.questions) >= 5)
    assert successor.publisher.facts == []


async def test_what_was_kept_and_cant_be_read_is_told_and_the_analysis_begins_afresh() -> None:
    bench = Bench(0.0)
    bench.shelf.left = b"something else"
    with capture_logs() as logs:
        async with bench.holding(analyse(1, step=True), deliveries=2):
            await bench.until(lambda: bool(bench.provider.questions))
    assert "what was kept of an analysis can't be read: it begins afresh" in [line["event"] for line in logs]


def decoded(shelf: Shelf) -> kept.Kept:
    found = kept.decode(shelf.left, 0.0)
    assert found is not None
    return found


async def test_a_deadline_goes_on_when_the_order_is_taken_over() -> None:
    order = msgspec.structs.replace(analyse(1, step=True), deadline_s=30.0)
    left = decoded_left(await killed(order, BAD, BAD), started_at_s=time.time() - 29.9)
    fact = await taken_over(left, order, None)
    assert (fact.verdict, fact.reason[:24]) == ("inconclusive", "no verdict within 30 s; ")
    assert fact.started_at_s < time.time() - 29


def decoded_left(left: bytes, **changes: float) -> bytes:
    found = kept.decode(left, 0.0)
    assert found is not None
    return kept.encode(msgspec.structs.replace(found, **changes))


async def test_a_moment_of_the_schedule_is_measured_once_by_whoever_comes() -> None:
    """The first copy has measured at the moments 0 and 1; the second begins at 1.4 and measures at 2."""
    slow = msgspec.structs.replace(CHECK, interval_s=0.5, count=3)
    order = msgspec.structs.replace(analyse(1, step=True), step_analysis=Analysis(checks=(slow,)))
    left = await killed(order, GOOD, GOOD)
    assert decoded_step(left).checks["errors"].progress.measured == 2
    bench = Bench(GOOD)
    bench.shelf.left = left
    async with bench.holding(order, deliveries=2):
        await bench.until(lambda: len(bench.publisher.facts) == 1)
    (question,) = bench.provider.questions
    asked_s = decoded_step(left).checks["errors"].asked_s
    assert question.at_s - asked_s == pytest.approx(0.5, abs=0.1)


def decoded_step(left: bytes) -> kept.KeptRun:
    found = kept.decode(left, 0.0)
    assert found is not None
    assert found.step is not None
    return found.step
