"""One seed from its first request to the last word: faults, then a healed world, then every rollout has ended
or waits.

After each event the observers check; at the end liveness (I7), replay (I5) and lost orders are checked. A
violation comes back with the seed that reproduces it.
"""

from random import Random
from typing import NamedTuple

from saga_model.auditor import Auditor, Violation
from saga_model.bus import Bus, Letter
from saga_model.copies import Copy
from saga_model.engine import Engine
from saga_model.options import Faults, Options, draw
from saga_model.workers import AnalysisHolder, Service, TrafficHolder
from saga_model.workload_worker import WorkloadHolder
from saga_model.world import World
from tidegate_contracts.controls import Approve, Cancel, Control, Resume, Retry, RollBack
from tidegate_contracts.decisions import Decision
from tidegate_orchestrator.fold import fold, holder, rebuild
from tidegate_orchestrator.inputs import Told
from tidegate_orchestrator.orders import orders
from tidegate_orchestrator.state import Ending, Pausing, Workload
from tidegate_orchestrator.wakeup import next_wakeup

SWEEP_S = 60.0
PERSON_S = 20.0
LIMIT_S = 4000.0
PATIENCE = 3
DEGRADED_MAX_S = 5.0 + 10.0
"""I2, D1: the service looks for 5 s whether they recover, then the traffic has 10 s to leave pods that broke."""
_NO_FAULTS = Faults()
PACES = 1_000_000_007
"""Apart from the other draws, so that what a seed plays stays the same without them."""
REPLAYED_EVERY = 4
"""Of so many seeds one has its history replayed from the start, which the others' invariants don't need."""


class Result(NamedTuple):
    seed: int
    violation: str
    events: int
    outcomes: tuple[str, ...]
    crashes: int


class Schedule:
    def __init__(self, seed: int) -> None:
        random = Random(seed)
        self.seed = seed
        self.options: Options = draw(random, paces=Random(seed + PACES))
        self.engine = Engine(random)
        self.auditor = Auditor(calm=self.options.calm, scaled=bool(self.options.scale_at_s))
        self.world = World(self.engine, self.options, self.auditor)
        self.bus = Bus(self.engine, self.options.faults, self.auditor)
        self.copies = (Copy(self.engine, self.bus), Copy(self.engine, self.bus))
        kinds = (WorkloadHolder, TrafficHolder, AnalysisHolder)
        self.services = [Service(kind, self.engine, self.world, self.options, self.bus.report) for kind in kinds]
        self.bus.receive = self._receive
        self.bus.ordered = self._ordered
        self.world.pods_changed = self.services[0].look
        self._told = 0
        self._interventions = 0

    def part(self) -> None:
        """Its parts let go of each other, so that they go at once and nobody has to search for them."""
        self.engine.forget()
        self.bus.receive, self.bus.ordered, self.world.pods_changed = _deaf, _deaf, _deaf
        for service in self.services:
            service.holder, service.tell = None, _deaf
        for copy in self.copies:
            del copy.handler

    def _receive(self, letter: Letter) -> None:
        self.copies[self.engine.random.random() < 0.5].receive(letter)

    def _ordered(self, place: int) -> None:
        service = self.services[place]
        service.newest = self.bus.orders[place]
        self.engine.after(0.002 + self.engine.random.random() * self.bus.faults.delay_s * 0.3, service.deliver)

    def run(self) -> Result:
        violation = ""
        try:
            self._live()
            self._check_end()
        except Violation as broken:
            violation = str(broken)
        crashes = sum(copy.crashes for copy in self.copies)
        outcomes = tuple(sorted(self.auditor.ended.values()))
        return Result(self.seed, violation, self.auditor.events, outcomes, crashes)

    def _live(self) -> None:
        options, engine = self.options, self.engine
        for number, (at_s, request) in enumerate(options.requests, start=1):
            engine.after(at_s, self.bus.post, Letter(request, f"request-{number}", number))
        for at_s, control in options.controls:
            engine.after(at_s, self._control, control)
        for at_s, what in (
            (options.degrade_at_s, self._degrade),
            (options.scale_at_s, self._scale),
            (options.edit_at_s, self._edit),
            (options.delete_at_s, self.world.delete),
        ):
            if at_s:
                engine.after(at_s, what)
        engine.after(options.heal_at_s, self._heal)
        engine.after(SWEEP_S, self._sweep, 0)
        engine.run(engine.now_s + LIMIT_S)

    def _degrade(self) -> None:
        lasts_s = 3.0 + self.engine.random.random() * 25.0
        self.world.degrade(lasts_s)
        if self.options.calm and not self.options.refused and lasts_s > DEGRADED_MAX_S:
            self.engine.after(DEGRADED_MAX_S, self.world.check_lowered)

    def _scale(self) -> None:
        self.world.scale(self.engine.random.choice((12, 15, 20)))

    def _edit(self) -> None:
        self.world.edited = True
        self.services[0].look()

    def _control(self, control: Control) -> None:
        accepted = list(self.auditor.accepted)
        if not accepted:
            return
        self._told += 1
        rollout = accepted[-1] if self.engine.random.random() < 0.8 else accepted[0]
        message_id = f"control-{self._told}"
        self.bus.post(Letter(Told(id=message_id, rollout=rollout, control=control), message_id))

    # the healed world

    def _heal(self) -> None:
        self.bus.suffer(_NO_FAULTS)
        self.world.healed = True
        if self.options.weak and not self.world.deleted:
            self.world.become_ready("v2")
        for service in self.services:
            service.healed = True
        self.engine.after(PERSON_S, self._person)

    def _sweep(self, turn: int) -> None:
        """Finds what a lost timer or a lost order missed."""
        if self._settled():
            return
        self.copies[turn % 2].receive(Letter(None, f"sweep-{turn}"))
        self.engine.after(SWEEP_S, self._sweep, turn + 1)

    def _settled(self) -> bool:
        return self.bus.faults == _NO_FAULTS and len(self.auditor.ended) >= len(self.options.requests)

    def _person(self) -> None:
        """Where a rollout waits to be told, somebody tells it, at last to go back."""
        if self._settled():
            return
        rollout = fold(self.bus.log).active
        if rollout is not None and (rollout.hold is not None or _awaits_approval(rollout.phase)):
            self._interventions += 1
            random = self.engine.random
            if rollout.hold is None:
                control: Control = Approve(by="ann")
            elif isinstance(rollout.phase, Ending):
                control = self._way_back(rollout.phase)
            elif self._interventions > PATIENCE:
                control = random.choice((RollBack(by="ann"), Cancel(by="ann")))
            else:
                control = random.choice((Resume(by="ann"), Retry(by="ann")))
            self._told += 1
            message_id = f"control-{self._told}"
            self.bus.post(Letter(Told(id=message_id, rollout=rollout.id, control=control), message_id))
        self.engine.after(PERSON_S, self._person)

    def _way_back(self, ending: Ending) -> Control:
        if ending.goal != "roll_back":
            return RollBack(by="ann")
        return RollBack(by="ann", pace="at_once") if ending.step and self._interventions % 2 else Retry(by="ann")

    # at the end

    def _check_end(self) -> None:
        log = self.bus.log
        loaded = self.copies[0].history.whole()
        whole = fold(log) if loaded is None or not self.seed % REPLAYED_EVERY else loaded
        if loaded is not None:
            self._same(whole, loaded)
        missing = set(self.auditor.accepted) - set(self.auditor.ended)
        self._require(not missing, f"I7 {missing} never ended: {whole.rollout.phase if whole.rollout else None}")
        self._require(len(self.auditor.ended) == len(self.options.requests), "I6 a request was never answered")
        if not self.seed % REPLAYED_EVERY:
            last = next(event for event in reversed(log) if isinstance(event, Decision))
            self._same(whole, rebuild(last, [event for event in log if event.rollout == holder(last)]))
        for place, order in enumerate(orders(whole).each):
            present = self.bus.orders.get(place)
            lost = order is not None and (present is None or present.revision < order.revision)
            self._require(not lost, f"an order was lost: {order}")
        self._require(not any(service.stands for service in self.services), "an order stands though all has ended")
        self._require(not self.world.route.ours, "I9 the route was left behind")
        held = self.world.saved_stable is not None or self.world.style is not None
        self._require(not held or self.world.deleted, "I9 the hold was left behind")
        self._require(not self.world.extra, "I9 extra pods were left behind")

    def _same(self, whole: Workload, part: Workload) -> None:
        same = (
            whole.revision == part.revision
            and orders(whole) == orders(part)
            and next_wakeup(whole) == next_wakeup(part)
            and (whole.rollout and whole.rollout.phase) == (part.rollout and part.rollout.phase)
        )
        # A rejection is the last word of a workload whose rollout ended before: its state is not told by it.
        told = whole.rollout is not None and part.rollout is not None and whole.rollout.id == part.rollout.id
        self._require(same or not told, "I5 a part of the history tells another state than the whole")

    @staticmethod
    def _require(fine: bool, rule: str) -> None:
        if not fine:
            raise Violation(rule)


def _deaf(*_: object) -> None:
    """Listens to nobody."""


def _awaits_approval(phase: object) -> bool:
    return isinstance(phase, Pausing) and phase.until_s is None


def run(seed: int) -> Result:
    schedule = Schedule(seed)
    result = schedule.run()
    schedule.part()
    return result
