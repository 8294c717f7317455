"""One order's analyses with a provider that answers as it is told, and what they said."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from support.metric_providers import ScriptedProvider, Told
from tidegate_chassis.clock import SystemClock
from tidegate_contracts.facts import AnalysisConcluded
from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.telemetry import MetricsMeasured
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.analysis import StandingAnalysis
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.outside import Outside
from tidegate_metrics_analyzer.question import Subject, Unusable

GOOD, BAD, NONE = 0.01, 0.9, Unusable("no data")
INTERVAL_S = 0.005


def check(name: str = "errors", **changes: object) -> Check:
    given = {"query": name, "provider": "scripted", "maximum": 0.05, "interval_s": INTERVAL_S} | changes
    return Check(name=name, **given)  # type: ignore[arg-type]


def order(
    step: Sequence[Check] | Analysis = (),
    background: Sequence[Check] | Analysis = (),
    *,
    canary: str | None = "b",
    deadline_s: float = 60.0,
    bakes_s: float | None = None,
) -> Analyse:
    return Analyse(
        rollout="r",
        revision=7,
        workload=WorkloadReference(name="web"),
        step=2,
        stable_revision="a",
        canary_revision=canary,
        step_analysis=_analysis(step),
        background_analysis=_analysis(background),
        since_s=time.time() - 100,
        watch_until_s=time.time() + bakes_s if bakes_s is not None else 0.0,
        deadline_s=deadline_s,
    )


def _analysis(said: Sequence[Check] | Analysis) -> Analysis | None:
    if isinstance(said, Analysis):
        return said
    return Analysis(checks=tuple(said)) if said else None


class Standing:
    """A standing analysis and what it said."""

    def __init__(self, told: Analyse, provider: ScriptedProvider, outside: Outside | None = None) -> None:
        subject = Subject(namespace="shop", workload="web", stable_revision="a", revision=told.canary_revision)
        providers = {"scripted": provider, "unset": Unusable("it is not configured")}
        measurer = Measurer(providers, SystemClock(), outside=outside)
        self.provider = provider
        self.analysis = StandingAnalysis(told, subject, measurer, SystemClock())
        self.facts: list[AnalysisConcluded] = []
        self.telemetry: list[MetricsMeasured] = []
        self._said = asyncio.Event()

    async def run(self) -> None:
        await self.analysis.stand(self._report, self._observe)

    async def until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not met():
                await self._said.wait()
                self._said.clear()

    async def _report(self, fact: AnalysisConcluded) -> None:
        self.facts.append(fact)
        self._said.set()

    async def _observe(self, telemetry: MetricsMeasured) -> None:
        self.telemetry.append(telemetry)
        self._said.set()


async def concluded(told: Analyse, subject: Subject, measurer: Measurer, *, within_s: float) -> AnalysisConcluded:
    """The one fact that an order comes to with real providers; what is told meanwhile are measurements."""
    facts: list[AnalysisConcluded] = []

    async def report(fact: AnalysisConcluded) -> None:
        facts.append(fact)

    async def observe(telemetry: MetricsMeasured) -> None:
        assert telemetry.measurements

    async with asyncio.timeout(within_s):
        await StandingAnalysis(told, subject, measurer, SystemClock()).stand(report, observe)
    (fact,) = facts
    return fact


_Standing = TypeVar("_Standing", bound=Standing)


@asynccontextmanager
async def running(it: _Standing) -> AsyncIterator[_Standing]:
    task = asyncio.create_task(it.run())
    try:
        yield it
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def standing(told: Analyse, **answers: list[Told]) -> AsyncIterator[Standing]:
    async with running(Standing(told, ScriptedProvider(**answers))) as it:
        yield it


async def verdict_on(told: Analyse, **answers: list[Told]) -> AnalysisConcluded:
    async with asyncio.timeout(5):
        it = Standing(told, ScriptedProvider(**answers))
        await it.run()
    (fact,) = it.facts
    return fact
