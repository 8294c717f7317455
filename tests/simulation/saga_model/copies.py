"""Two copies of the orchestrator: the real `Handler`, its ports on the modelled bus, and crash points between
its lines.

A port's await may be where the copy dies (its memory is gone, its unacked message comes again) or where it
stops for a while (and the other copy goes on), as the seed says.
"""

from collections.abc import Coroutine, Generator

from saga_model.bus import Bus, Letter
from saga_model.engine import Engine
from tidegate_chassis.errors import OperatingError
from tidegate_contracts import envelope
from tidegate_contracts.decisions import AnyDecision, Decision, RolloutAccepted, RolloutRejected
from tidegate_contracts.facts import Fact
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.timers import TimerDue
from tidegate_contracts.workload import WorkloadKey
from tidegate_orchestrator.fold import fold, holder, rebuild
from tidegate_orchestrator.handle import Handler, Loaded
from tidegate_orchestrator.inputs import Input, Reported, Requested, Told, Woken
from tidegate_orchestrator.orders import Orders
from tidegate_orchestrator.state import Workload

KEY = WorkloadKey("default", "shop", "deployment.apps", "web")
SLOW_TAIL = 0.1


class Point:
    """A place where a copy can be stopped."""

    def __await__(self) -> Generator[None, None, None]:
        yield


POINT = Point()


class ModelHistory:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._cached: Loaded | None = None
        self._behind = False

    async def load(self, _: WorkloadKey, at_least: int) -> Loaded:
        """What is remembered is read on only where it is known to be behind."""
        cached, log = self._cached, self._bus.log
        if cached is None:
            cached = self._cold(self._bus.readable(at_least))
        elif self._behind:
            upto = max(self._bus.readable(at_least), cached.sequence)
            cached = _loaded(fold(log[cached.sequence : upto], cached.workload), upto)
        elif cached.sequence < at_least:
            cached = _loaded(fold(log[cached.sequence : at_least], cached.workload), at_least)
        self._cached, self._behind = cached, False
        await POINT
        return cached

    def whole(self) -> Workload | None:
        """What is remembered, if that is all there is."""
        cached = self._cached
        return cached.workload if cached is not None and cached.sequence == len(self._bus.log) else None

    def _cold(self, upto: int) -> Loaded:
        log = self._bus.log[:upto]
        last = next((event for event in reversed(log) if isinstance(event, Decision)), None)
        events = [event for event in log if last is not None and event.rollout == holder(last)]
        return _loaded(rebuild(last, events), upto)

    async def load_rollout(self, _: WorkloadKey, rollout: str) -> Loaded:
        log = list(self._bus.log)
        last = next((event for event in reversed(log) if isinstance(event, Decision)), None)
        await POINT
        workload = rebuild(last, [event for event in log if event.rollout == rollout])
        return Loaded(workload, len(log), last.active if last is not None else None)

    async def append(self, _: WorkloadKey, loaded: Loaded, decisions: tuple[AnyDecision, ...]) -> Loaded:
        await POINT
        sequence = self._bus.append(decisions, loaded.sequence)
        after = _loaded(fold(decisions, loaded.workload), sequence)
        rollout = loaded.workload.rollout
        about_holder = loaded.holder is None or (rollout is not None and rollout.id == loaded.holder)
        self._cached = after if about_holder else None
        await POINT
        return after

    def forget(self, _: WorkloadKey) -> None:
        self._behind = True


def _loaded(workload: Workload, sequence: int) -> Loaded:
    active = workload.active
    return Loaded(workload, sequence, active.id if active is not None else None)


class ModelOutbox:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._told: dict[int, int] = {}
        self._due: tuple[int, float] | None = None

    async def publish(self, _: WorkloadKey, standing: Orders) -> None:
        for place, order in enumerate(standing):
            if order is not None and self._told.get(place, 0) < order.revision:
                await POINT
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
        body = letter.body
        if isinstance(body, Fact):
            message: Input = Reported(id=letter.id, fact=body)
        elif isinstance(body, RolloutRequested | Told):
            message = body if isinstance(body, Told) else _UNREAD
        else:
            message = Woken(id=letter.id)

        async def understand(loaded: Loaded) -> Input:
            if isinstance(body, RolloutRequested):
                return _requested(letter, body, self.bus)
            if isinstance(message, Told) and loaded.holder != message.rollout:
                return Told(id=message.id, rollout=message.rollout, control=message.control, holder=loaded.holder)
            return message

        about = message.rollout if isinstance(message, Told) else None
        at_least = letter.sequence if isinstance(body, Fact) else 0
        afresh = body is None or isinstance(body, TimerDue)
        await self.handler.handle(KEY, understand, at_least=at_least, about=about, afresh=afresh)
        if isinstance(body, Fact) and letter.deliveries > 1:
            await self.handler.tell_past(KEY, body.rollout)

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
_UNREAD = Woken(id="")


def _requested(letter: Letter, request: RolloutRequested, bus: Bus) -> Requested:
    spare = envelope.rollout_id(letter.id)
    rollout = request.rollout or spare
    found = [event for event in bus.log if isinstance(event, RolloutAccepted | RolloutRejected)]
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
