"""One measurement of one check: render, ask with a limit on time and on parallel questions, read. Never raises.

Called by `run` on each check's schedule. Whatever a provider does wrong, up to a bug in a plugin, becomes an unusable
reading with its reason.
"""

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from tidegate_chassis.clock import Clock
from tidegate_contracts.comparison import Comparison
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer import comparing, metrics, moments, reading, window
from tidegate_metrics_analyzer.asking import answered
from tidegate_metrics_analyzer.comparison import Judged
from tidegate_metrics_analyzer.job_source import JobSource, NoJobs
from tidegate_metrics_analyzer.outside import NoOutside, Outside
from tidegate_metrics_analyzer.provider import MetricProvider, RangeProvider, ValueProvider
from tidegate_metrics_analyzer.question import Question, Reading, Subject, Unusable, Value
from tidegate_metrics_analyzer.template_source import NoTemplates, TemplateSource
from tidegate_metrics_analyzer.turns import Turns

PARALLEL_QUESTIONS_MAX: Final = 32
"""To one provider, by one copy of the service; what one namespace may have of them is `turns`' to say."""

VALUE_WINDOW_S: Final = 300.0
"""How far a template's query looks back where it doesn't say, as Argo's own providers have it."""

_MILLISECONDS: Final = 1000


class Measured(NamedTuple):
    query: str
    reading: Reading | Judged
    at_s: float
    """When it was asked, after its turn had come."""


class Asked(NamedTuple):
    query: str
    reading: Reading
    of_s: float
    """The moment that it is of."""


class Measurer:
    """Everything that a measurement needs and that all of them share."""

    def __init__(
        self,
        providers: Mapping[str, MetricProvider | Unusable],
        clock: Clock,
        templates: TemplateSource | None = None,
        *,
        outside: Outside | None = None,
        jobs: JobSource | None = None,
    ) -> None:
        self.outside = outside or NoOutside()
        self.templates = templates or NoTemplates("this analyzer has no cluster")
        self.jobs = jobs or NoJobs()
        self._providers = providers
        self._clock = clock
        self._turns = {name: Turns(PARALLEL_QUESTIONS_MAX) for name in providers}

    def fault(self, check: Check, subject: Subject) -> str | None:
        """What makes the check impossible to measure, however long it is tried."""
        provider = self._usable(check.provider)
        if isinstance(provider, Unusable):
            return provider.reason
        try:
            subject.values()
        except ValueError as error:
            return str(error)
        if check.compare is not None and (fault := comparing.fault(check, provider, subject)):
            return fault
        return next((fault for template in _templates(check) if (fault := provider.fault(template))), None)

    def value_fault(self, name: str, query: str) -> str | None:
        """As `fault`, of a query whose whole value is asked for."""
        provider = self._usable(name)
        if isinstance(provider, Unusable):
            return provider.reason
        if not isinstance(provider, ValueProvider):
            return f"the metric provider {name!r} gives no values that a condition can judge"
        return provider.fault(query)

    def past_fault(self, name: str) -> str | None:
        """Why it can't be asked for a time that is over."""
        if isinstance(self._usable(name), RangeProvider):
            return None
        return f"the metric provider {name!r} only knows the present: of the past ask one with ranges, as prometheus"

    async def value(self, name: str, query: str, subject: Subject, counted_s: float) -> Value | Unusable:
        """What a template's metric finds, now; `counted_s` is when it was measured last, or when it began."""
        provider = self._providers[name]
        assert isinstance(provider, ValueProvider), "a query with a fault is not asked"
        async with self._turns[name].turn(subject.namespace):
            question = Question(
                query=query,
                subject=subject,
                window_s=VALUE_WINDOW_S,
                at_s=self._clock.now_s(),
                not_before_s=_after(counted_s),
            )
            return await answered(name, provider.ask_value(question))

    def _usable(self, name: str) -> MetricProvider | Unusable:
        provider = self._providers.get(name)
        if provider is None:
            return Unusable(f"unknown metric provider {name!r}: installed are {', '.join(sorted(self._providers))}")
        return provider

    def first_at_s(self, check: Check, since_s: float) -> float:
        provider = self._provider(check)
        if check.compare is not None:
            return moments.first_ms(check, provider.reach(check.query), since_s) / _MILLISECONDS
        return max(window.first_at_s(check, provider.reach(template), since_s) for template in _templates(check))

    def interval_s(self, check: Check) -> float:
        """From one measurement to the next: of a comparison, from one pair of points to the next."""
        if check.compare is None:
            return check.interval_s
        return moments.spacing_ms(check, self._provider(check).reach(check.query)) / _MILLISECONDS

    async def measure(self, check: Check, subject: Subject, since_s: float, counted_s: float = 0.0) -> Measured:
        """Value and sample count at one and the same moment.

        Args:
            check: What is measured.
            subject: Of whom.
            since_s: No evidence is older.
            counted_s: When it was measured last: whatever was asked by then has been counted.
        """
        async with self._turns[check.provider].turn(subject.namespace):
            now_s = self._clock.now_s()
            if check.compare is not None:
                return await self._compare(check, check.compare, subject, since_s, now_s)
            soonest_s = max(_after(counted_s), self._whole_s(check, since_s, now_s))
            value = await self._ask(check, check.query, subject, since_s=since_s, at_s=now_s, not_before_s=soonest_s)
            read, of_s = value.reading, value.of_s
            if (query := check.minimum_samples_query) is not None and not isinstance(read, Unusable):
                count = await self._ask(check, query, subject, since_s=since_s, at_s=of_s, not_before_s=of_s)
                read = reading.with_samples(read, count.reading, check)
        metrics.count_measurement(check, read)
        return Measured(value.query, read, now_s)

    async def _compare(
        self, check: Check, compare: Comparison, subject: Subject, since_s: float, now_s: float
    ) -> Measured:
        provider = self._provider(check)
        assert isinstance(provider, RangeProvider), "a check with a fault is not measured"
        compared = await comparing.compared(check, compare, provider, subject, since_s=since_s, now_s=now_s)
        measured = Measured(*compared, now_s)
        metrics.count_measurement(check, measured.reading)
        return measured

    async def _ask(
        self, check: Check, template: str, subject: Subject, *, since_s: float, at_s: float, not_before_s: float
    ) -> Asked:
        provider = self._provider(check)
        reach = provider.reach(template)
        window_s = window.window_s(check, reach, since_s, at_s)
        if window_s < window.WINDOW_S_MIN:
            return Asked(template, Unusable("too early: the step has only just begun"), at_s)
        query = provider.render(template, subject, window_s)
        if isinstance(query, Unusable):
            return Asked(template, query, at_s)
        question = Question(query=query, subject=subject, window_s=window_s, at_s=at_s, not_before_s=not_before_s)
        answer = await answered(check.provider, provider.ask(question))
        if not isinstance(answer, Unusable) and answer.of_s is not None:
            question = msgspec.structs.replace(question, at_s=answer.of_s)
        return Asked(query, reading.read(answer, question), question.at_s)

    def _whole_s(self, check: Check, since_s: float, now_s: float) -> float:
        """From which moment on neither of its queries looks back over the step's start: both are asked of one."""
        reaches = [self._provider(check).reach(template) for template in _templates(check)]
        windows = [(reach, window.window_s(check, reach, since_s, now_s)) for reach in reaches]
        return max(window.not_before_s(reach, since_s, window_s) for reach, window_s in windows)

    def _provider(self, check: Check) -> MetricProvider:
        provider = self._providers[check.provider]
        assert not isinstance(provider, Unusable), "a check with a fault is not measured"
        return provider


def _templates(check: Check) -> tuple[str, ...]:
    return (check.query,) if check.minimum_samples_query is None else (check.query, check.minimum_samples_query)


def _after(counted_s: float) -> float:
    return math.nextafter(counted_s, math.inf)
