"""One analysis going on: each check measured on its own schedule, the progress of all in one place.

Made by `analysis` for a step or for the background. A slow provider delays only the check that asks it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from tidegate_chassis.clock import Clock
from tidegate_contracts.facts import Measurement
from tidegate_contracts.rollout import Check
from tidegate_contracts.score import Scored
from tidegate_metrics_analyzer import judge, metrics, scoring, window
from tidegate_metrics_analyzer.judge import Progress, Verdict
from tidegate_metrics_analyzer.kept import KeptCheck, KeptRun, digest
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.outside_run import OutsideRun
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.scoring import Counted
from tidegate_metrics_analyzer.tasks import ended
from tidegate_metrics_analyzer.template_run import TemplateRun


class Part(Protocol):
    """What has a schedule of its own: Argo's templates, and what is told from outside."""

    @property
    def fault(self) -> str | None:
        """What makes it impossible to come to a verdict, however long it is waited for."""

    def same_as(self, other: object) -> bool:
        """Whether the other one would come to the same verdict."""

    async def measure(self, measurer: Measurer, clock: Clock, changed: Callable[[], None]) -> None:
        """Until all is decided; calls `changed` whenever there may be another verdict."""

    def end(self) -> None:
        """A bake's time is over: what would only go on is decided by what it was."""

    def verdicts(self) -> tuple[Verdict | None, ...]:
        """None for one that can't be said yet."""

    def evidence(self) -> tuple[Measurement, ...]: ...


class _Made(NamedTuple):
    progress: Progress
    fault: str | None
    evidence: Measurement


class Run:
    """The state of one analysis, for the one who waits for a verdict."""

    def __init__(
        self,
        checks: tuple[Check, ...],
        subject: Subject,
        since_s: float,
        templates: TemplateRun | None = None,
        outside: OutsideRun | None = None,
        *,
        counted: Counted | None = None,
        until_s: float = 0.0,
    ) -> None:
        self.checks = checks
        self.subject = subject
        self.since_s = since_s
        self.templates = templates
        self.outside = outside
        self.counted = counted
        self.until_s = until_s
        """When a bake's time is over, in epoch seconds; 0: it has no time of its own."""
        self.is_over = False
        self.faults: Mapping[str, str] = {}
        self._changed = asyncio.Event()
        self._broken: BaseException | None = None
        self._progress = {check.name: Progress() for check in checks}
        self._queries = {check.name: check.query for check in checks}
        self._asked_s: dict[str, float] = {}
        """When each check was measured last."""
        self.on_news: Callable[[], None] = _nobody_asks
        """Called where there is something that a successor, and eyes and dashboards, don't know."""
        self._together = frozenset(check.name for check in counted.checks) if counted is not None else frozenset()
        """Those that a score counts."""
        self._made: dict[str, _Made] = {}

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for part in (self.templates, self.outside) if part is not None)

    def same_as(self, other: "Run") -> bool:
        """Whether the other one measures the very same things."""
        same_checks = (self.checks, self.subject) == (other.checks, other.subject)
        same_parts = len(self.parts) == len(other.parts)
        return same_checks and same_parts and all(map(_same_as, self.parts, other.parts))

    def is_bad(self) -> bool:
        return judge.verdict_in_background(self.verdicts()) is not None

    def carry_over(self, earlier: "Run") -> None:
        """Goes on with the measurements of the same checks under an earlier order."""
        assert self.same_as(earlier), "measurements belong to their checks"
        self.since_s = earlier.since_s
        self.templates, self.outside = earlier.templates, earlier.outside
        self._progress = dict(earlier._progress)  # noqa: SLF001 - of the same class
        self._queries = dict(earlier._queries)  # noqa: SLF001
        self._asked_s = dict(earlier._asked_s)  # noqa: SLF001

    def kept(self) -> KeptRun:
        """What a successor needs to go on with it."""
        return KeptRun(
            measures=self._measures,
            since_s=self.since_s,
            checks={
                name: KeptCheck(query=self._queries[name], progress=self._progress[name], asked_s=asked_s)
                for name, asked_s in self._asked_s.items()
            },
            templates=self.templates.kept() if self.templates is not None else None,
        )

    def take_over(self, kept: KeptRun) -> None:
        """Goes on where another copy left it, if that measured the very same things."""
        if kept.measures != self._measures:
            return
        self.since_s = kept.since_s
        if self.outside is not None:
            self.outside.since_s = kept.since_s
        for name, check in kept.checks.items():
            self._queries[name], self._progress[name], self._asked_s[name] = check.query, check.progress, check.asked_s
        if self.templates is not None and kept.templates is not None:
            self.templates.take_over(kept.templates, kept.since_s)

    @cached_property
    def _measures(self) -> str:
        analysis = self.templates.analysis if self.templates is not None else None
        wishes = self.outside.wishes if self.outside is not None else None
        return digest(self.checks, self.subject, analysis, wishes)

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
        for part in self.parts:
            measuring = part.measure(measurer, clock, self._tell)
            tasks.append(asyncio.create_task(measuring, name=type(part).__name__))
        if self.until_s:
            tasks.append(asyncio.create_task(self._end_in_time(clock), name="the end of the bake"))
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
        if self._has_failed_for_good(check):
            return
        first_s, interval_s = measurer.first_at_s(check, self.since_s), measurer.interval_s(check)
        before_s = self._asked_s.get(check.name)
        due_s = first_s if before_s is None else window.next_at_s(first_s, interval_s, before_s)
        while (early_s := due_s - clock.now_s()) > 0:
            await clock.sleep(early_s)
        while True:
            counted_s = self._asked_s.get(check.name, 0.0)
            measured = await measurer.measure(check, self.subject, self.since_s, counted_s)
            metrics.tick_late_seconds.observe(max(0.0, measured.at_s - due_s))
            self._queries[check.name] = measured.query
            self._progress[check.name] = judge.absorb(
                check, self._progress[check.name], measured.reading, measured.at_s
            )
            self._asked_s[check.name] = measured.at_s
            self._tell()
            if self._has_failed_for_good(check):
                return
            now_s = clock.now_s()
            due_s = window.next_at_s(first_s, interval_s, now_s)
            await clock.sleep(min(due_s - now_s, interval_s))

    def _tell(self) -> None:
        self._end_parts()
        self._changed.set()
        self.on_news()

    async def _end_in_time(self, clock: Clock) -> None:
        while (left_s := self.until_s - clock.now_s()) > 0:
            await clock.sleep(left_s)
        self.end()

    def end(self) -> None:
        """Its time is over: what only goes on, or decides nothing, is waited for no longer."""
        self.is_over = True
        self._end_parts()
        self._changed.set()

    def _end_parts(self) -> None:
        """A part that can't end yet is asked again after each of its measurements."""
        if self.is_over and self.until_s:
            for part in self.parts:
                part.end()

    def is_impossible(self) -> bool:
        """Whether a part of it that has to pass can't be measured at all, however long it is tried."""
        decisive = [check for check in self.checks if not check.dry_run and not self._is_counted(check)]
        faulty = any(check.name in self.faults for check in decisive)
        return faulty or any(part.fault is not None for part in self.parts)

    def verdicts(self) -> tuple[Verdict | None, ...]:
        """Of each check, of which one in a dry run is only waited for; those of a score have one; and of each part."""
        scored = self.scored()
        together = [] if scored is None else [scoring.verdict(scored)]
        alone = [self._counting(check) for check in self.checks if not self._is_counted(check)]
        return (*alone, *together, *(verdict for part in self.parts for verdict in part.verdicts()))

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
        checks = tuple(self._evidence(check) for check in self.checks)
        return (*checks, *(found for part in self.parts for found in part.evidence()))

    def _evidence(self, check: Check) -> Measurement:
        """Made once for each measurement: it is asked for every second, of thousands of checks."""
        progress, fault = self._progress[check.name], self.faults.get(check.name)
        made = self._made.get(check.name)
        if made is None or made.progress is not progress or made.fault != fault:
            evidence = judge.evidence(check, self._queries[check.name], progress, fault)
            made = self._made[check.name] = _Made(progress, fault, evidence)
        return made.evidence

    def _counting(self, check: Check) -> Verdict | None:
        verdict = self._verdict(check)
        tried = check.dry_run and (verdict is not None or self.is_over)
        return "pass" if tried else verdict

    def _has_failed_for_good(self, check: Check) -> bool:
        """A score counts a failure once and for all, with the values that made it."""
        return self._is_counted(check) and self._verdict(check) == "fail"

    def _is_counted(self, check: Check) -> bool:
        return check.name in self._together

    def _verdict(self, check: Check) -> Verdict | None:
        if check.name in self.faults:
            return "inconclusive"
        return judge.verdict_of_check(check, self._progress[check.name])


def _nobody_asks() -> None:
    """As long as nobody wants to know."""


def _same_as(part: Part, other: Part) -> bool:
    return part.same_as(other)
