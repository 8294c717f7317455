"""One analysis going on: each check measured on its own schedule, the progress of all in one place.

Made by `analysis` for a step or for the background. A slow provider delays only the check that asks it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tidegate_chassis.clock import Clock
from tidegate_contracts.facts import Measurement
from tidegate_contracts.rollout import Check
from tidegate_contracts.score import Scored
from tidegate_metrics_analyzer import judge, scoring, window
from tidegate_metrics_analyzer.judge import Progress, Verdict
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.scoring import Counted
from tidegate_metrics_analyzer.tasks import ended
from tidegate_metrics_analyzer.template_run import TemplateRun


class Run:
    """The state of one analysis, for the one who waits for a verdict."""

    def __init__(
        self,
        checks: tuple[Check, ...],
        subject: Subject,
        since_s: float,
        templates: TemplateRun | None = None,
        counted: Counted | None = None,
    ) -> None:
        self.checks = checks
        self.subject = subject
        self.since_s = since_s
        self.templates = templates
        self.counted = counted
        self.faults: Mapping[str, str] = {}
        self._changed = asyncio.Event()
        self._broken: BaseException | None = None
        self._progress = {check.name: Progress() for check in checks}
        self._queries = {check.name: check.query for check in checks}

    def same_as(self, other: "Run") -> bool:
        """Whether the other one measures the very same things."""
        same_checks = (self.checks, self.subject) == (other.checks, other.subject)
        return same_checks and (
            self.templates.same_as(other.templates) if self.templates is not None else other.templates is None
        )

    def is_bad(self) -> bool:
        return judge.verdict_in_background(self.verdicts()) is not None

    def carry_over(self, earlier: "Run") -> None:
        """Goes on with the measurements of the same checks under an earlier order."""
        assert self.same_as(earlier), "measurements belong to their checks"
        self.since_s = earlier.since_s
        self.templates = earlier.templates
        self._progress = dict(earlier._progress)  # noqa: SLF001 - of the same class
        self._queries = dict(earlier._queries)  # noqa: SLF001

    @asynccontextmanager
    async def measuring(self, measurer: Measurer, clock: Clock) -> AsyncIterator[None]:
        """Measures for as long as it is entered. Checks that can't be measured at all are left out, see `faults`."""
        self.faults = {
            check.name: fault for check in self.checks if (fault := measurer.fault(check, self.subject)) is not None
        }
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._measure_for_ever(check, measurer, clock), name=f"check {check.name}")
            for check in self.checks
            if check.name not in self.faults
        ]
        if self.templates is not None:
            measuring = self.templates.measure(measurer, clock, self._changed.set)
            tasks.append(asyncio.create_task(measuring, name="the templates' metrics"))
        for task in tasks:
            task.add_done_callback(self._broke)
        try:
            yield
        finally:
            await ended(*tasks)

    async def change(self) -> None:
        """Returns after the next measurement; raises what broke the measuring."""
        await self._changed.wait()
        self._changed.clear()
        if self._broken is not None:
            raise self._broken

    def _broke(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = error
            self._changed.set()

    async def _measure_for_ever(self, check: Check, measurer: Measurer, clock: Clock) -> None:
        first_s, interval_s = measurer.first_at_s(check, self.since_s), measurer.interval_s(check)
        while (early_s := first_s - clock.now_s()) > 0:
            await clock.sleep(early_s)
        while True:
            query, reading = await measurer.measure(check, self.subject, self.since_s)
            self._queries[check.name] = query
            self._progress[check.name] = judge.absorb(check, self._progress[check.name], reading)
            self._changed.set()
            if self._is_counted(check) and self._verdict(check) == "fail":
                return  # a failure is counted once and for all, with the values that made it
            now_s = clock.now_s()
            wait_s = window.next_at_s(first_s, interval_s, now_s) - now_s
            await clock.sleep(min(wait_s, interval_s))

    def is_impossible(self) -> bool:
        """Whether a part of it that has to pass can't be measured at all, however long it is tried."""
        faulty = any(check.name in self.faults and not self._is_counted(check) for check in self.checks)
        return faulty or (self.templates is not None and self.templates.fault is not None)

    def verdicts(self) -> tuple[Verdict | None, ...]:
        """Of each check; those of a score together have one, and so do the templates."""
        scored = self.scored()
        together = [] if scored is None else [scoring.verdict(scored)]
        together += [] if self.templates is None else [self.templates.verdict()]
        return (*(self._verdict(check) for check in self.checks if not self._is_counted(check)), *together)

    def scored(self) -> Scored | None:
        """Where the checks are counted together: the score so far."""
        if self.counted is None:
            return None
        classifications = [
            scoring.classify(check, self._progress[check.name], self.faults.get(check.name))
            for check in self.counted.checks
        ]
        return scoring.scored(self.counted, classifications)

    def evidence(self) -> tuple[Measurement, ...]:
        checks = tuple(
            judge.evidence(check, self._queries[check.name], self._progress[check.name], self.faults.get(check.name))
            for check in self.checks
        )
        return checks if self.templates is None else (*checks, *self.templates.evidence())

    def _is_counted(self, check: Check) -> bool:
        return self.counted is not None and check in self.counted.checks

    def _verdict(self, check: Check) -> Verdict | None:
        if check.name in self.faults:
            return "inconclusive"
        return judge.verdict_of_check(check, self._progress[check.name])
