"""What the holder does beyond one analysis: reporting through outages, letting go, and the background's continuity."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from support.metric_providers import ScriptedProvider, Told

from tidegate_chassis.clock import SystemClock
from tidegate_chassis.errors import Transient, UnknownOutcome
from tidegate_chassis.holding import HeldOrder, Lease, OrderLost
from tidegate_chassis.message import Message
from tidegate_contracts.facts import AnalysisConcluded, AnalysisReleased, Fact
from tidegate_contracts.orders import Analyse, AnalysisOrder, ReleaseAnalysis
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_metrics_analyzer import holder
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


class Bench:
    def __init__(self, *values: Told) -> None:
        self.publisher = Publisher()
        self.provider = ScriptedProvider(errors=list(values))
        measurer = Measurer({"scripted": self.provider}, SystemClock())
        self.holder = AnalysisHolder(measurer, self.publisher, SystemClock())  # type: ignore[arg-type]
        self.lease = Lease(SystemClock(), ack_wait_s=60, since_s=time.monotonic())

    def held(self, order: AnalysisOrder) -> HeldOrder[AnalysisOrder]:
        message = Message(
            subject="s",
            payload=b"",
            headers={},
            stream="o",
            sequence=1,
            deliveries=1,
            time_s=1.0,
            id=f"order-{order.revision}",
        )
        return HeldOrder(KEY, order, order.revision, message, self.lease)

    @asynccontextmanager
    async def holding(self, order: AnalysisOrder) -> AsyncIterator[None]:
        task = asyncio.create_task(self.holder.hold(self.held(order)))
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
