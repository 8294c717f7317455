"""One message after another: load, decide, append, publish. The only place where decisions meet the history.

Called by `app` for each delivered message, and by `sweep`. It talks to the bus through two ports, so that the
simulation runs this very code on a modelled bus. A crash between any two lines is mended by the message's
redelivery: it finds the decision taken and publishes the orders of the state that it finds.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from tidegate_chassis.errors import Conflict, Transient
from tidegate_contracts.decisions import AnyDecision
from tidegate_contracts.workload import WorkloadKey
from tidegate_orchestrator.decide import Decided, decide
from tidegate_orchestrator.inputs import Input
from tidegate_orchestrator.orders import Orders, orders
from tidegate_orchestrator.state import Workload
from tidegate_orchestrator.wakeup import next_wakeup

ATTEMPTS_MAX: Final = 8
"""Lost races in a row before the message goes back to the queue; each race has a winner, so this is rare."""


class Loaded(msgspec.Struct, frozen=True):
    """A state, and the sequence up to which the workload's history is in it."""

    workload: Workload
    sequence: int
    holder: str | None
    """The rollout that holds the workload: the state's own, unless another one was asked for."""


class History(Protocol):
    """A workload's events, appended to by compare-and-set."""

    async def load(self, key: WorkloadKey, at_least: int) -> Loaded:
        """The state with every event up to the sequence `at_least`, and perhaps later ones."""

    async def load_rollout(self, key: WorkloadKey, rollout: str) -> Loaded:
        """The same for one rollout of the workload, be it long over; its numbers are the whole history's."""

    async def append(self, key: WorkloadKey, loaded: Loaded, decided: Decided) -> Loaded:
        """All of them or none, and only where nothing has come after `loaded`; raises `Conflict` otherwise."""

    def forget(self, key: WorkloadKey) -> None:
        """What is remembered of the workload proved stale."""


class Outbox(Protocol):
    """Orders and wake-up calls. Publishing twice, or late, changes nothing."""

    async def publish(self, key: WorkloadKey, standing: Orders) -> None: ...

    async def wake(self, key: WorkloadKey, workload: Workload, due_s: float) -> None: ...


class Handler:
    """Args: the two ports, and the clock that decisions are dated by."""

    def __init__(self, history: History, outbox: Outbox, now_s: Callable[[], float]) -> None:
        self._history = history
        self._outbox = outbox
        self._now_s = now_s

    async def handle(
        self,
        key: WorkloadKey,
        understand: Callable[[Loaded], Awaitable[Input]],
        *,
        at_least: int = 0,
        about: str | None = None,
        afresh: bool = False,
    ) -> tuple[AnyDecision, ...]:
        """Decides on one message and sees to it that everybody knows; returns what was decided.

        Args:
            key: The workload that the message is about.
            understand: Makes the input of the message, given the history that is decided on.
            at_least: The sequence of an event that must be in that history.
            about: The rollout to decide on, where it may be another than the workload's present one.
            afresh: Whether to read the history to its end. A message on which nothing may have to be decided needs it
                or `at_least`: what is decided on an old state loses the race, but nothing loses no race.

        Raises:
            OperatingError: the bus can't be reached, or every race was lost; deliver the message again.
        """
        if afresh:
            self._history.forget(key)
        for _ in range(ATTEMPTS_MAX):
            loaded = await self._history.load(key, at_least)
            if about is not None and (loaded.workload.rollout is None or loaded.workload.rollout.id != about):
                loaded = await self._history.load_rollout(key, about)
            decided = decide(loaded.workload, await understand(loaded), self._now_s())
            if decided.decisions:
                try:
                    loaded = await self._history.append(key, loaded, decided)
                except Conflict:
                    self._history.forget(key)
                    continue
            await self.tell(key, loaded.workload)
            return decided.decisions
        raise Transient(f"{ATTEMPTS_MAX} others were faster in deciding on {key}")

    async def tell(self, key: WorkloadKey, workload: Workload) -> None:
        """Publishes what follows from a state; what was published before is left alone."""
        await self._outbox.publish(key, orders(workload))
        due_s = next_wakeup(workload)
        if due_s is not None:
            await self._outbox.wake(key, workload, due_s)

    async def tell_past(self, key: WorkloadKey, rollout: str) -> None:
        """Says the last orders of a rollout that a redelivered message may have ended, whoever is in charge now."""
        loaded = await self._history.load(key, 0)
        if loaded.workload.rollout is None or loaded.workload.rollout.id != rollout:
            loaded = await self._history.load_rollout(key, rollout)
        await self._outbox.publish(key, orders(loaded.workload))
