"""Two copies of the orchestrator: the real `Handler`, its ports on the modelled bus, and crash points between
its lines.

A port's await may be where the copy dies (its memory is gone, its unacked message comes again) or where it
stops for a while (and the other copy goes on), as the seed says.
"""

from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache
from typing import Any

from saga_model.bus import Bus, Letter
from saga_model.engine import Engine
from tidegate_chassis.errors import OperatingError
from tidegate_contracts import envelope
from tidegate_contracts.decisions import Decision, RolloutAccepted, RolloutRejected
from tidegate_contracts.facts import Fact
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.timers import TimerDue
from tidegate_contracts.workload import WorkloadKey
from tidegate_orchestrator.decide import Decided
from tidegate_orchestrator.fold import counted, holder
from tidegate_orchestrator.handle import Handler, Loaded
from tidegate_orchestrator.inputs import Input, Reported, Requested, Told, Woken
from tidegate_orchestrator.orders import Orders
from tidegate_orchestrator.state import Workload

KEY = WorkloadKey("default", "shop", "deployment.apps", "web")
SLOW_TAIL = 0.1


class Point:
    """A place where a copy can be stopped; it is passed by where this seed stops none."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def __await__(self) -> Any:
        return iter(self._bus.stops)


class ModelHistory:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._point = Point(bus)
        self._cached: Loaded | None = None
        self._behind = False

    async def load(self, _: WorkloadKey, at_least: int) -> Loaded:
        """What is remembered is read on only where it is known to be behind."""
        cached = self._cached
        if cached is None:
            cached = self._cold(self._bus.readable(at_least))
        elif self._behind:
            cached = self._read_on(cached, max(self._bus.readable(at_least), cached.sequence))
        elif cached.sequence < at_least:
            cached = self._read_on(cached, at_least)
        self._cached, self._behind = cached, False
        await self._point
        return cached

    def _read_on(self, cached: Loaded, upto: int) -> Loaded:
        return _loaded(self._bus.folds.onto(cached.workload, cached.sequence, upto), upto)

    def whole(self) -> Workload | None:
        """What is remembered, if that is all there is."""
        cached = self._cached
        return cached.workload if cached is not None and cached.sequence == len(self._bus.log) else None

    def _cold(self, upto: int) -> Loaded:
        log = self._bus.log
        last = next((log[place] for place in reversed(range(upto)) if isinstance(log[place], Decision)), None)
        return _loaded(self._rebuilt(last, holder(last), upto) if last is not None else Workload(), upto)

    def _rebuilt(self, last: Decision, rollout: str, upto: int) -> Workload:
        return counted(last, self._bus.folds.of(rollout, upto))

    async def load_rollout(self, _: WorkloadKey, rollout: str) -> Loaded:
        upto = len(self._bus.log)
        last = next((event for event in reversed(self._bus.log) if isinstance(event, Decision)), None)
        await self._point
        workload = counted(last, self._bus.folds.of(rollout, upto))
        return Loaded(workload, upto, last.active if last is not None else None)

    async def append(self, _: WorkloadKey, loaded: Loaded, decided: Decided) -> Loaded:
        await self._point
        sequence = self._bus.append(decided.decisions, loaded.sequence)
        after = _loaded(decided.workload, sequence)
        self._bus.folds.decided(loaded.workload, loaded.sequence, decided.workload, sequence)
        rollout = loaded.workload.rollout
        about_holder = loaded.holder is None or (rollout is not None and rollout.id == loaded.holder)
        self._cached = after if about_holder else None
        await self._point
        return after

    def forget(self, _: WorkloadKey) -> None:
        self._behind = True


def _loaded(workload: Workload, sequence: int) -> Loaded:
    active = workload.active
    return Loaded(workload, sequence, active.id if active is not None else None)


class ModelOutbox:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._point = Point(bus)
        self._told: dict[int, int] = {}
        self._due: tuple[int, float] | None = None

    async def publish(self, _: WorkloadKey, standing: Orders) -> None:
        for place, order in enumerate(standing.each):
            if order is not None and self._told.get(place, 0) < order.revision:
                await self._point
                self._bus.order(place, order)
                self._told[place] = order.revision

    async def wake(self, _: WorkloadKey, workload: Workload, due_s: float) -> None:
        rollout = workload.active
        if rollout is None or self._due == (workload.revision, due_s):
            return
        self._due = (workload.revision, due_s)
        due = TimerDue(rollout=rollout.id, revision=workload.revision, due_s=due_s)
        self._bus.set_timer(Letter(due, f"timer-{workload.revision}-{due_s}"), due_s)


class Copy:
    def __init__(self, engine: Engine, bus: Bus) -> None:
        self.engine = engine
        self.bus = bus
        self.crashes = 0
        self.restart()

    def restart(self) -> None:
        self.incarnation = object()
        self.history = ModelHistory(self.bus)
        self.handler = Handler(self.history, ModelOutbox(self.bus), self.now_s)

    def now_s(self) -> float:
        return self.engine.now_s

    def receive(self, letter: Letter) -> None:
        self.drive(self._work(letter), letter, self.incarnation)

    async def _work(self, letter: Letter) -> None:
        body, handle = letter.body, self.handler.handle
        if isinstance(body, Fact):
            await handle(KEY, _as_it_is(Reported(id=letter.id, fact=body)), at_least=letter.sequence)
            if letter.deliveries > 1:
                await self.handler.tell_past(KEY, body.rollout)
        elif isinstance(body, RolloutRequested):
            await handle(KEY, _request_in(letter, body, self.bus))
        elif isinstance(body, Told):
            await handle(KEY, _control_of(body), about=body.rollout)
        else:
            await handle(KEY, _as_it_is(Woken(id=letter.id)), afresh=True)

    def drive(self, work: Coroutine[None, None, None], letter: Letter, incarnation: object) -> None:
        """Runs a handler until it is done, dies or is held up."""
        if incarnation is not self.incarnation:
            work.close()
            return
        faults, random = self.bus.faults, self.engine.random
        try:
            while True:
                work.send(None)
                if faults.crash and random.random() < faults.crash:
                    self.crashes += 1
                    work.close()
                    self.restart()
                    return
                if faults.slow and random.random() < faults.slow:
                    tail = ACK_LATE_S if random.random() < SLOW_TAIL else 0.0
                    self.engine.after(random.random() * faults.slow_s + tail, self.drive, work, letter, incarnation)
                    return
        except StopIteration:
            letter.acked = True
        except OperatingError:
            self.history.forget(KEY)


ACK_LATE_S = 12.0
_ANSWERS = frozenset((RolloutAccepted, RolloutRejected))
Understand = Callable[[Loaded], Awaitable[Input]]


def _as_it_is(message: Input) -> Understand:
    async def understand(_: Loaded) -> Input:
        return message

    return understand


def _control_of(told: Told) -> Understand:
    async def understand(loaded: Loaded) -> Input:
        if loaded.holder == told.rollout:
            return told
        return Told(id=told.id, rollout=told.rollout, control=told.control, holder=loaded.holder)

    return understand


def _request_in(letter: Letter, request: RolloutRequested, bus: Bus) -> Understand:
    async def understand(_: Loaded) -> Input:
        return _requested(letter, request, bus)

    return understand


_spare = lru_cache(maxsize=8)(envelope.rollout_id)
"""A seed has three requests, and all seeds have the same."""


def _requested(letter: Letter, request: RolloutRequested, bus: Bus) -> Requested:
    spare = _spare(letter.id)
    rollout = request.rollout or spare
    found = [event for event in bus.log if type(event) in _ANSWERS]
    newest = next((event for event in reversed(found) if isinstance(event, RolloutAccepted)), None)
    return Requested(
        id=letter.id,
        request=request,
        sequence=letter.sequence,
        rollout=rollout,
        spare_rollout=spare,
        earlier=tuple(event for event in found if event.rollout in (rollout, spare)),
        newest=newest,
    )
