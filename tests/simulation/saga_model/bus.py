"""JetStream as far as it matters: one log with compare-and-set, messages delivered at least once, one order
per subject.

Messages come late, twice and out of order; whoever took one without acking it gets it again, or somebody else
does.
"""

from collections.abc import Callable
from typing import Any

from saga_model.auditor import Auditor
from saga_model.engine import Engine
from saga_model.folds import Folds
from saga_model.options import Faults
from tidegate_chassis.errors import Conflict, UnknownOutcome
from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import AnyDecision
from tidegate_contracts.facts import AnyFact

ACK_WAIT_S = 10.0


class Letter:
    """A message that waits for an ack."""

    __slots__ = ("acked", "body", "deliveries", "id", "sequence")

    def __init__(self, body: Any, message_id: str, sequence: int = 0) -> None:
        self.body = body
        self.id = message_id
        self.sequence = sequence
        self.deliveries = 0
        self.acked = False


class Bus:
    def __init__(self, engine: Engine, faults: Faults, auditor: Auditor) -> None:
        self.engine = engine
        self.suffer(faults)
        self.auditor = auditor
        self.log: list[AnyEvent] = []
        self.folds = Folds(self.log)
        self.receive: Callable[[Letter], None] = lambda _: None
        self.orders: dict[int, Any] = {}
        self.ordered: Callable[[int], None] = lambda _: None
        self._timer = 0

    def suffer(self, faults: Faults) -> None:
        """From now on it is this that goes wrong."""
        self.faults = faults
        self.stops = (None,) if faults.crash or faults.slow else ()

    # messages

    def post(self, letter: Letter) -> None:
        random, faults = self.engine.random, self.faults
        delay_s = 0.002 + random.random() * faults.delay_s
        self.engine.after(delay_s, self._deliver, letter)
        if faults.duplicate and random.random() < faults.duplicate:
            self.engine.after(delay_s + random.random() * 12.0, self._deliver, letter)

    def _deliver(self, letter: Letter) -> None:
        letter.deliveries += 1
        self.receive(letter)
        if not letter.acked:
            self.engine.after(ACK_WAIT_S, self._again, letter)

    def _again(self, letter: Letter) -> None:
        if not letter.acked:
            self._deliver(letter)

    # events

    def report(self, fact: AnyFact) -> None:
        """A service appends a fact, without compare-and-set; its retry may append it once more."""
        random, faults = self.engine.random, self.faults
        self.engine.after(0.002 + random.random() * faults.delay_s * 0.5, self._append_fact, fact)
        if faults.duplicate and random.random() < faults.duplicate * 0.5:
            self.engine.after(random.random() * 8.0, self._append_fact, fact)

    def _append_fact(self, fact: AnyFact) -> None:
        self.log.append(fact)
        self.auditor.take(fact)
        sequence = len(self.log)
        self.post(Letter(fact, f"fact-{sequence}", sequence))

    def append(self, decisions: tuple[AnyDecision, ...], expected: int) -> int:
        if len(self.log) != expected:
            raise Conflict("somebody else was faster")
        for decision in decisions:
            self.log.append(decision)
            self.auditor.take(decision)
        if self.faults.unknown and self.engine.random.random() < self.faults.unknown:
            raise UnknownOutcome("no answer came")
        return len(self.log)

    def readable(self, at_least: int) -> int:
        """How far a reader sees: a lagging replica misses the last events, but not one that was delivered from it."""
        last = len(self.log)
        if self.faults.stale and self.engine.random.random() < self.faults.stale:
            return max(at_least, last - 1 - int(self.engine.random.random() * 3), 0)
        return last

    # orders and timers

    def order(self, place: int, order: Any) -> bool:
        """Compare-and-set by revision: an older order never replaces a newer one."""
        present = self.orders.get(place)
        if present is not None and present.revision >= order.revision:
            return present.revision == order.revision
        self.orders[place] = order
        self.ordered(place)
        return True

    def set_timer(self, letter: Letter, due_s: float) -> None:
        """One timer per workload: the next one replaces it."""
        self._timer += 1
        self.engine.after(max(due_s - self.engine.now_s, 0.0) + 0.1, self._ring, self._timer, letter)

    def _ring(self, number: int, letter: Letter) -> None:
        if number != self._timer:
            return
        if self.faults.lost_timer and self.engine.random.random() < self.faults.lost_timer:
            return
        self.post(letter)
