"""One Rollout brought to where it should be: its guard on the bus, its user's commands told, its status written.

Called by `loop` whenever the Rollout changed, its workload's history went on, or time passed. Each step is safe to
repeat and to be done by several copies at once; a conflict means that somebody was faster, and wakes us again.
"""

from typing import Any

from tidegate_chassis.clock import Clock
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.workload import WorkloadKey
from tidegate_rollout_operator import handover
from tidegate_rollout_operator.announcing import Announcer
from tidegate_rollout_operator.awaiting import resumed
from tidegate_rollout_operator.beside import Beside
from tidegate_rollout_operator.commands import Command, commands, lets_go
from tidegate_rollout_operator.histories import Histories
from tidegate_rollout_operator.identities import UNKNOWN, Identity
from tidegate_rollout_operator.kruise import FINALIZER, PLAN_HASH, Rollout
from tidegate_rollout_operator.plan_hash import plan_hash
from tidegate_rollout_operator.projection import project
from tidegate_rollout_operator.replanning import replans
from tidegate_rollout_operator.rollouts import Rollouts
from tidegate_rollout_operator.speaking import Speaker
from tidegate_rollout_operator.translate import guard_of, translate
from tidegate_rollout_operator.view import View
from tidegate_rollout_operator.workloads import Workloads
from tidegate_rollout_operator.writing import Writer

Wanted = RolloutRequested | tuple[Problem, ...]


class Reconciler:
    def __init__(
        self,
        rollouts: Rollouts,
        histories: Histories,
        workloads: Workloads,
        speaker: Speaker,
        writer: Writer,
        *,
        announcer: Announcer,
        beside: Beside,
        clock: Clock,
    ) -> None:
        self._rollouts = rollouts
        self._histories = histories
        self._workloads = workloads
        self._speaker = speaker
        self._writer = writer
        self._announcer = announcer
        self._beside = beside
        self._clock = clock

    async def reconcile(self, rollout: Rollout) -> None:
        """Raises operating errors; a conflict is one's cue to look again."""
        if handover.is_unfinished(rollout):
            await self._leave_alone(rollout)
            return
        if not rollout.leaving and not _is_noted(rollout):
            await self._writer.hold(rollout, plan_hash(rollout))
            return
        if FINALIZER not in rollout.metadata.finalizers:
            return
        wanted, seen = self._wanted(rollout), self._beside.seen(rollout)
        named, view, workload = self._rollouts.key(rollout), View(), UNKNOWN
        if named is not None:
            view = await self._steer(rollout, named, wanted)
            workload = await self._identity(rollout, named, view)
        told = view if self._rollouts.is_first(rollout) else View()
        await self._beside.before(rollout, told, workload, seen)
        await self._finish(rollout, view, wanted, workload)
        await self._beside.after(rollout, told, workload, seen)

    async def _steer(self, rollout: Rollout, named: WorkloadKey, wanted: Wanted) -> View:
        """Its guard and its user's commands told; returns how far the workload is."""
        if rollout.leaving or rollout.spec.disabled:
            await self._speaker.unguard(named, rollout.author)
        elif isinstance(wanted, RolloutRequested):
            await self._speaker.guard(named, rollout, guard_of(rollout, wanted))
        view, since = await self._histories.view(named)
        await self._announcer.announce(self._rollouts.first(rollout), since)
        for command in self._commands(rollout, view, wanted):
            await self._speaker.tell(named, command)
        return view

    async def _identity(self, rollout: Rollout, key: WorkloadKey, view: View) -> Identity:
        """Whoever leaves is not kept by a workload that can't be read."""
        return UNKNOWN if rollout.leaving else await self._workloads.identity(rollout, key, view)

    async def _leave_alone(self, rollout: Rollout) -> None:
        if (status := handover.told(rollout, self._clock.now_s())) is not None:
            await self._writer.status(rollout, status)

    def forget(self, key: WorkloadKey) -> None:
        """No Rollout names this workload any more."""
        self._histories.forget(key)
        self._workloads.forget(key)

    def _commands(self, rollout: Rollout, view: View, wanted: Wanted) -> list[Command]:
        """A new plan first: what else its user wrote is meant for it."""
        if not self._rollouts.is_first(rollout):
            return []
        held = view.awaits_routing and self._beside.is_held(rollout)
        return [*replans(rollout, view, wanted), *resumed(rollout, view, held=held), *commands(rollout, view)]

    def _wanted(self, rollout: Rollout) -> Wanted:
        first = self._rollouts.first(rollout)
        if first is not rollout and not rollout.leaving and not rollout.spec.disabled:
            remedy = f"Delete one of the two: the older, {first.metadata.name}, counts."
            return (problem("spec.workloadRef", rollout.workload.name, "one Rollout for a workload", remedy),)
        return translate(rollout)

    async def _finish(self, rollout: Rollout, view: View, wanted: Wanted, workload: Identity) -> None:
        if rollout.leaving and not lets_go(rollout, view):
            await self._writer.let_go(rollout)
            return
        # Another copy that knows more of the history has written already: what is read next time counts.
        if rollout.status.get("observedSequence", 0) > view.sequence:
            return
        now_s = self._clock.now_s()
        status = project(rollout, view, wanted, now_s, workload)
        status["conditions"] += self._beside.conditions(rollout, now_s)
        if _without_place(status) != _without_place(rollout.status):
            await self._writer.status(rollout, status)


def _is_noted(rollout: Rollout) -> bool:
    """Whether our finalizer and the present plan's hash stand on it."""
    metadata = rollout.metadata
    return FINALIZER in metadata.finalizers and metadata.annotations.get(PLAN_HASH, "") == plan_hash(rollout)


def _without_place(status: dict[str, Any]) -> dict[str, Any]:
    """What a status says, wherever in the history it was made."""
    return {name: value for name, value in status.items() if name != "observedSequence"}
