"""A workload on the sandbox in a copy's hands, and what every scenario does with it: the moves of one rollout."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from support.kinds import Kind
from support.until import until
from support.witness import Witness
from support.workloads import Observer, Rig, image
from tidegate_contracts.facts import BatchReady, WorkloadPrepared
from tidegate_contracts.orders import Target
from tidegate_contracts.rollout import Style

V1: Final = "v1_ready-0.1"
V2: Final = "v2_ready-0.1"
V3: Final = "v3_ready-0.1"
SOON_S: Final = 60.0
REPLICAS: Final = 5


class Stage(NamedTuple):
    """A workload on the sandbox, and who looks.

    Args:
        made: The workload, and who holds it.
        seen: Every moment of it.
        witness: Who judges them.
        stable: The revision to come from.
        seed: Of what is left to chance.
        node: A node of its own, for a scenario that asks for one.
    """

    made: Rig
    seen: Observer
    witness: Witness
    stable: str
    seed: int
    node: str = ""

    @property
    def is_beside(self) -> bool:
        """Whether the new pods come in an extra workload."""
        return self.made.style in self.made.kind.beside

    async def step(self, number: int, percent: int, *, rollout: str = "r1") -> BatchReady:
        """One step, ready; checked for the number of pods that its percentage means."""
        self.witness.approve(Target(percent=percent))
        ready = await self.made.apply(number, f"{percent}%", rollout=rollout, within_s=SOON_S)
        self.witness.check()
        return ready

    async def again(self, pods: int) -> None:
        """The same order is reported as ready anew, with the pods that it means at the present scale."""

        def is_last() -> bool:
            facts = self.made.facts(BatchReady)
            return bool(facts) and facts[-1].target_pods == pods <= facts[-1].counts.updated_ready

        await until(is_last, within_s=SOON_S, what=f"a batch of {pods}")

    async def finish(self, *, rollout: str = "r1") -> str:
        await self.step(9, 100, rollout=rollout)
        await self.promoted(rollout=rollout)
        await self.made.release("promote", rollout=rollout, within_s=SOON_S)
        return V2

    async def promoted(self, *, rollout: str = "r1") -> None:
        """Where a style has kept the stable pods: the workload itself takes the new version over."""
        if self.made.style == "partition":
            return
        self.witness.promote(self.made.canary_revision)
        await self.made.promote(rollout=rollout, within_s=SOON_S)
        self.witness.let_go()

    async def prepared(self, tag: str, rollout: str = "r1") -> WorkloadPrepared:
        fact = await self.made.prepare(image(tag), rollout)
        assert isinstance(fact, WorkloadPrepared), fact
        return fact


async def stage_left(stage: Stage, revision: str) -> None:
    """A first pod of a revision is gone."""
    count = stage.seen.samples[-1].ready.get(revision, 0)
    gone = lambda: stage.seen.samples[-1].alive.get(revision, 0) < count  # noqa: E731
    await until(gone, within_s=SOON_S, what=f"a pod of {revision} to go")


Play = Callable[[Stage], Awaitable[str]]
"""Returns when the workload is whole again, or will be; and says which version it must run then."""


class Scenario(NamedTuple):
    """Args:
    play: What happens.
    replicas: How many pods there are in the beginning.
    spec: What the workload's spec has beside the kind's own.
    pod_spec: What its pods' has; told the node that is the scenario's own.
    begun: Whether version 2 is prepared when the play begins.
    needs_node: Whether it needs a node of its own.
    is_long: Whether it takes so much longer than the others that it should begin before them.
    fits: For which kinds and styles it makes sense.
    """

    play: Play
    replicas: int = REPLICAS
    spec: Callable[[Kind], dict[str, Any]] = lambda _: {}
    pod_spec: Callable[[Kind, str], dict[str, Any]] = lambda _kind, _node: {}
    begun: bool = True
    needs_node: bool = False
    is_long: bool = False
    fits: Callable[[Kind, Style], bool] = lambda _kind, _style: True
