"""What analysing costs, and how soon and how surely it speaks: verdicts, a thousand analyses on one copy, its death.

Orders go to the metrics-analyzer as the orchestrator would send them, so that a thousand analyses need no thousand
workloads; Prometheus, the bus and the service are the real ones. One of the five checks asks for the moment at which
Prometheus evaluated it: its values tell which of the schedule's moments were measured, and how often.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from tidegate_bench.exporting import Page, exporting
from tidegate_bench.guarded import spread
from tidegate_bench.lab import Lab
from tidegate_bench.lateness import Lateness, held, lateness
from tidegate_bench.processes import core_percent, resident_mb
from tidegate_bench.prometheus import first_bad_s, seen
from tidegate_chassis.clock import SystemClock
from tidegate_chassis.connection import connected
from tidegate_chassis.publish import Publisher
from tidegate_contracts.facts import AnalysisConcluded
from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.telemetry import MetricsMeasured
from tidegate_contracts.workload import WorkloadKey, WorkloadReference

ANALYZER: Final = "metrics-analyzer"
NAMESPACE: Final = "bench"

CASES: Final = 60
CASE_INTERVAL_S: Final = 1.0
CASES_BAD_OVER_S: Final = 30.0
SEEN_WITHIN_S: Final = 30.0

ANALYSES: Final = 1000
CHECKS: Final = 5
INTERVAL_S: Final = 10.0
STARTED_OVER_S: Final = 20.0
SETTLED_S: Final = 15.0
MEASURED_S: Final = 60.0
TAKEOVER_TIMEOUT_S: Final = 60.0
AFTERWARDS_S: Final = 35.0
"""Three intervals, and what was on its way."""
FIRST_S: Final = 1.0
"""After its beginning, the first moment of a check whose look-back is as short as can be."""
EARLY_S: Final = 1.0
"""A tenth of the interval: so much earlier a measurement still is that of the moment to come."""


class Tally(NamedTuple):
    """Of the moments of all schedules."""

    moments: int
    lost: int
    twice: int


async def measure(lab: Lab, scratch: Path) -> dict[str, Any]:
    """`analysis`: the figures of all three."""
    for name in ("orchestrator", "workload-controller", "traffic-shifter"):
        await lab.stack[name].stop()
    async with exporting(lab.state, scratch) as page, _orders(lab) as publisher:
        beyond_ms = await _verdicts_beyond_ms(lab, page, publisher)
        figures = await _thousand(lab, page, publisher)
    return {"analysis": {"verdict_beyond_interval_ms": beyond_ms, **figures}}


@asynccontextmanager
async def _orders(lab: Lab) -> AsyncIterator[Publisher]:
    user, state = "orchestrator", lab.state
    async with connected(state.nats_url, name="bench", user=user, password=state.nats_passwords[user]) as connection:
        yield Publisher(connection, user, SystemClock())


async def _send(publisher: Publisher, name: str, checks: Iterable[Check]) -> float:
    """The order for one workload's analysis; returns since when it measures."""
    reference = WorkloadReference(name=name)
    order = Analyse(
        rollout=name,
        revision=1,
        workload=reference,
        step=1,
        stable_revision="a",
        canary_revision="b",
        step_analysis=Analysis(checks=tuple(checks)),
        since_s=time.time(),
    )
    await publisher.order(ANALYZER, WorkloadKey.of("default", NAMESPACE, reference), order)
    return order.since_s


async def _verdicts_beyond_ms(lab: Lab, page: Page, publisher: Publisher) -> dict[str, float]:
    """From the bad sample's own time to the verdict's being heard, less the interval; 0 is its very end."""
    names = [f"case-{number:03}" for number in range(CASES)]
    bad: set[str] = set()
    page.write(_cases(names, bad))
    await seen(lab.state, f"count(bench_bad) == {CASES}", SEEN_WITHIN_S)
    for name in names:
        query = 'max(bench_bad{case="{{workload}}"})'
        check = Check(name="bad", query=query, maximum=0.5, interval_s=CASE_INTERVAL_S, count=10_000, failure_limit=1)
        # Measured and scraped equally often: each case at another moment between two scrapes.
        await asyncio.sleep(random.uniform(0, 2 * CASE_INTERVAL_S / 5))  # noqa: S311 - no secret
        await _send(publisher, name, [check])
    await asyncio.sleep(SETTLED_S)
    heard_s: dict[str, float] = {}
    hearing = asyncio.create_task(_hear(lab, heard_s))
    for name in names:
        await asyncio.sleep(random.uniform(0, 2 * CASES_BAD_OVER_S / CASES))  # noqa: S311 - no secret
        bad.add(name)
        page.write(_cases(names, bad))
    await lab.heard(lambda: len(_failed(lab)) == CASES, "every case's verdict", SEEN_WITHIN_S)
    await asyncio.sleep(0)
    hearing.cancel()
    beyond_ms = []
    for name in names:
        visible_s = await first_bad_s(lab.state, f'bench_bad{{case="{name}"}}')
        beyond_ms.append(1000 * (heard_s[name] - visible_s - CASE_INTERVAL_S))
    return spread(beyond_ms)


def _cases(names: Sequence[str], bad: set[str]) -> str:
    return "".join(f'bench_bad{{case="{name}"}} {int(name in bad)}\n' for name in names)


def _failed(lab: Lab) -> set[str]:
    concluded = [event for event in lab.listener.events if isinstance(event, AnalysisConcluded)]
    return {event.rollout for event in concluded if event.verdict == "fail"}


async def _hear(lab: Lab, heard_s: dict[str, float]) -> None:
    while True:
        now_s = time.time()
        for name in _failed(lab):
            heard_s.setdefault(name, now_s)
        await lab.listener.heard()


async def _thousand(lab: Lab, page: Page, publisher: Publisher) -> dict[str, Any]:
    names = [f"web-{number:04}" for number in range(ANALYSES)]
    page.write("".join(f'bench_{part}_total{{workload="{name}"}} 5\n' for name in names for part in range(CHECKS)))
    await seen(lab.state, f"count(bench_1_total) == {ANALYSES}", SEEN_WITHIN_S)
    since_s = await _started(publisher, names)
    await asyncio.sleep(SETTLED_S)
    first = lab.stack[ANALYZER]
    before = await lateness(lab.state, first)
    cores = await core_percent({ANALYZER: first}, MEASURED_S)
    after = await lateness(lab.state, first)
    figures = costs(before, after, cores[ANALYZER], resident_mb(first))
    second = await lab.stack.start(ANALYZER, copy=2)
    await first.kill()
    killed_s = time.monotonic()
    while await held(lab.state, second) < ANALYSES + CASES:
        if time.monotonic() - killed_s > TAKEOVER_TIMEOUT_S:
            raise TimeoutError(f"{ANALYSES} analyses were not taken over within {TAKEOVER_TIMEOUT_S:g} s")
    takeover_s = time.monotonic() - killed_s
    await asyncio.sleep(AFTERWARDS_S)
    found = [event for event in lab.listener.telemetry if isinstance(event, MetricsMeasured)]
    whole = tally({event.rollout: event for event in found if event.rollout in since_s}, since_s)
    figures["resident_mb_after_takeover"] = resident_mb(second)
    return figures | {"takeover_s": takeover_s, "samples": whole._asdict()}


async def _started(publisher: Publisher, names: Sequence[str]) -> dict[str, float]:
    """Each at its own moment, as rollouts begin; returns since when each measures."""
    began_s = time.monotonic()
    since_s = {}
    for number, name in enumerate(names):
        await asyncio.sleep(began_s + number * STARTED_OVER_S / len(names) - time.monotonic())
        since_s[name] = await _send(publisher, name, checks())
    return since_s


def checks() -> list[Check]:
    """No two analyses ask for the same."""
    of = 'workload="{{workload}}"'
    queries = ['label_replace(vector(time()), "workload", "{{workload}}", "", "")']
    queries += [f"sum(rate(bench_{part}_total{{{of}}}[{{{{window}}}}]))" for part in range(1, CHECKS)]
    return [
        Check(name=f"check-{part}", query=query, minimum=0.0, interval_s=INTERVAL_S, count=10_000, window_s=30)
        for part, query in enumerate(queries)
    ]


def costs(before: Lateness, after: Lateness, core_percent: float, resident_mb: float) -> dict[str, Any]:
    ticks = after.ticks - before.ticks
    return {
        "analyses": ANALYSES,
        "checks": ANALYSES * CHECKS,
        "core_percent": core_percent,
        "processor_ms_per_measurement": 10 * core_percent * MEASURED_S / ticks,
        "resident_mb": resident_mb,
        "measurements_per_s": ticks / MEASURED_S,
        "ticks": ticks,
        "ticks_late_over_1_s": ticks - (after.within_1_s - before.within_1_s),
        "ticks_late_over_100_ms": ticks - (after.within_100_ms - before.within_100_ms),
        "machine_load": os.getloadavg()[0],
    }


def tally(last: dict[str, MetricsMeasured], since_s: dict[str, float]) -> Tally:
    """The first check's values are the moments at which it was evaluated, the others have been measured as often."""
    lost = twice = moments = 0
    for rollout, began_s in since_s.items():
        told = last[rollout].measurements
        indexes = [moment(value, began_s) for value in told[0].values if value is not None]
        wanted = range(indexes[-1] + 1)
        moments += len(wanted) * len(told)
        lost += len(set(wanted) - set(indexes))
        twice += len(indexes) - len(set(indexes))
        # The others are due at the same moments; the last one of theirs may be under way.
        for missing in (told[0].measured - other.measured for other in told[1:]):
            lost += max(0, missing - 1)
            twice += max(0, -missing - 1)
    return Tally(moments, lost, twice)


def moment(value_s: float, began_s: float) -> int:
    """Which of the schedule's moments a measurement stands for."""
    return int((value_s - began_s - FIRST_S + EARLY_S) // INTERVAL_S)
