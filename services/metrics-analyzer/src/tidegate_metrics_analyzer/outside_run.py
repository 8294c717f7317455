"""The part of an analysis that is told from outside: verdicts that are given, and alerts. Stands in `run`.

Nothing is measured: what arrives is judged at once. All of it stands in streams, so each holder begins by reading what
was told since the analysis began, and comes to the same verdict.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec
import structlog

from tidegate_chassis.clock import Clock
from tidegate_chassis.message import Message
from tidegate_contracts import subjects
from tidegate_contracts.codec import alert_decoder
from tidegate_contracts.facts import Measurement
from tidegate_contracts.outside import AlertWatch, AwaitedVerdict
from tidegate_contracts.problem import printable
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.topology import ALERTS, VERDICTS
from tidegate_contracts.verdicts import AlertNotified
from tidegate_metrics_analyzer import alerts, given, metrics
from tidegate_metrics_analyzer.given import Frame, Refused, Tally
from tidegate_metrics_analyzer.judge import Verdict
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.outside import NoOutside, Outside, Wanted
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.tasks import ended

SKEW_S: Final = 60.0
"""The bus' clock may be so far from the orchestrator's: what was stored shortly before is read, too."""

_log = structlog.get_logger()


class OutsideRun:
    """Args:
    analysis: What is waited for.
    subject: Whose it is.
    rollout: Its id.
    since_s: When the analysis began, in epoch seconds.
    step: On which step a verdict counts; None: on any, in the background, where nobody's silence counts.
    """

    def __init__(self, analysis: Analysis, subject: Subject, rollout: str, since_s: float, *, step: int | None) -> None:
        self._awaited = {awaited.name: awaited for awaited in analysis.verdicts}
        self._watches = {watch.name: watch for watch in analysis.alerts}
        self._subject = subject
        self._rollout = rollout
        self.since_s = since_s
        self._step = step
        self._values: dict[str, str] = {"namespace": subject.namespace}
        self._outside: Outside = NoOutside()
        self._changed: Callable[[], None] = lambda: None
        self._forget()

    def _forget(self) -> None:
        self._tallies = dict.fromkeys(self._awaited, Tally())
        self._overdue: set[str] = set()
        self._notified: dict[str, alerts.Notifications] = {name: {} for name in self._watches}
        self._read = False
        self._faults: dict[str, str] = {}
        """Why a verdict can't be given, or alerts can't be watched, by its name."""

    @property
    def fault(self) -> str | None:
        """What makes it impossible to be told, however long it is waited for."""
        return next(iter(self._faults.values()), None)

    def same_as(self, other: object) -> bool:
        return isinstance(other, OutsideRun) and self.wishes == other.wishes

    @property
    def wishes(self) -> tuple[Any, ...]:
        """What messages are judged by."""
        return self._awaited, self._watches, self._subject, self._rollout, self._step

    async def measure(self, measurer: Measurer, clock: Clock, changed: Callable[[], None]) -> None:
        """Until it is cancelled.

        Args:
            measurer: Who hears what is told.
            clock: The time.
            changed: Called whenever there may be another verdict.
        """
        self._forget()
        self._outside, self._changed = measurer.outside, changed
        self._look_for_faults()
        changed()
        tasks = [asyncio.create_task(each) for each in self._listening(clock)]
        try:
            await asyncio.gather(*tasks)
        finally:
            await ended(*tasks)

    def _listening(self, clock: Clock) -> list[Coroutine[Any, Any, None]]:
        listening: list[Coroutine[Any, Any, None]] = []
        namespace = self._subject.namespace
        if self._awaited:
            verdicts = self._outside.verdicts_on(namespace, self._rollout)
            since_s = self.since_s - SKEW_S
            listening.append(
                self._outside.follow(Wanted(VERDICTS, verdicts, since_s, self._take_verdict, self._changed))
            )
        if self._watches:
            look_back_s = max(watch.look_back_s for watch in self._watches.values())
            since_s = self.since_s - look_back_s - SKEW_S
            place = self._outside.alerts_in(namespace)
            listening.append(
                self._outside.follow(Wanted(ALERTS, place, since_s, self._take_alert, self._alerts_are_read))
            )
        if self._step is not None:
            limited = [one for one in self._awaited.values() if one.within_s is not None]
            listening += [self._wait_for(one, one.within_s or 0.0, clock) for one in limited]
        return listening

    def _look_for_faults(self) -> None:
        self._faults = {name: fault for name, one in self._awaited.items() if (fault := self._fault_of_keys(one))}
        try:
            self._values = {**self._subject.values(), "rollout": self._rollout}
        except ValueError as error:
            self._faults |= dict.fromkeys(self._watches, str(error))

    def _fault_of_keys(self, awaited: AwaitedVerdict) -> str | None:
        """Where none of a verdict's keys can be used, no waiting mends it."""
        faults = [fault for key in awaited.signed_by if (fault := self._fault_of_key(key))]
        none_is_there = faults and len(faults) == len(awaited.signed_by)
        return f"it can't be given: {faults[0]}" if none_is_there else None

    def _fault_of_key(self, name: str) -> str | None:
        try:
            self._key(name)
        except ValueError as error:
            return str(error)
        return None

    def _key(self, name: str) -> str:
        return self._outside.key(self._subject.namespace, name)

    async def _wait_for(self, awaited: AwaitedVerdict, within_s: float, clock: Clock) -> None:
        while (left_s := self.since_s + within_s - clock.now_s()) > 0:
            await clock.sleep(left_s)
        self._overdue.add(awaited.name)
        self._changed()

    async def _take_verdict(self, message: Message) -> None:
        try:
            *_, name = subjects.parse_verdict(message.subject)
        except ValueError:
            return  # whoever may write to the namespace may write this, too: nobody can wait for it
        awaited = self._awaited.get(name)
        if awaited is None:
            return
        found = given.read(awaited, message, Frame(self.since_s, self._step, self._key))
        if found is None:
            return
        if isinstance(found, Refused):
            _log.warning("a verdict from outside was refused", check=name, message=message.id, reason=found.reason)
        metrics.told.labels("verdict", "refused" if isinstance(found, Refused) else found.word).inc()
        self._tallies[name] = given.absorb(self._tallies[name], found)
        self._changed()

    async def _take_alert(self, message: Message) -> None:
        try:
            alert = alert_decoder.decode(message.payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            _log.warning("an alert could not be read", sequence=message.sequence, reason=str(error))
            return
        for name, watch in self._watches.items():
            wanted = alerts.wanted_labels(watch, self._values)
            if wanted is not None and alerts.concerns(alert, wanted):
                metrics.told.labels("alert", alert.status).inc()
                self._notified[name] = alerts.kept(self._notified[name], alert)
                self._changed()

    def _alerts_are_read(self) -> None:
        self._read = True
        self._changed()

    def end(self) -> None:
        """Whoever has to give a verdict is still waited for."""

    def verdicts(self) -> tuple[Verdict | None, ...]:
        """Of each verdict and each watch."""
        told = [given.verdict_of(self._tallies[name], overdue=name in self._overdue) for name in self._awaited]
        watched = [alerts.verdict_of(self._firing(watch), read=self._read) for watch in self._watches.values()]
        found = zip((*self._awaited, *self._watches), (*told, *watched), strict=True)
        return tuple("inconclusive" if name in self._faults else verdict for name, verdict in found)

    def evidence(self) -> tuple[Measurement, ...]:
        told = [self._evidence(awaited) for awaited in self._awaited.values()]
        watched = [
            alerts.evidence(watch, self._values, self._firing(watch), read=self._read)
            for watch in self._watches.values()
        ]
        return tuple(map(self._with_fault, (*told, *watched)))

    def _evidence(self, awaited: AwaitedVerdict) -> Measurement:
        place = self._outside.verdicts_on(self._subject.namespace, self._rollout).removesuffix("*") + awaited.name
        tally, overdue = self._tallies[awaited.name], awaited.name in self._overdue
        return given.evidence(awaited, place, tally, overdue=overdue)

    def _with_fault(self, found: Measurement) -> Measurement:
        fault = self._faults.get(found.check)
        return (
            found if fault is None else msgspec.structs.replace(found, verdict="inconclusive", reason=printable(fault))
        )

    def _firing(self, watch: AlertWatch) -> AlertNotified | None:
        return alerts.firing(watch, self._notified[watch.name].values(), self.since_s)
