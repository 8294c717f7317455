"""How many pods stay on the stable revision, and how each kind is told so. Pure; `partition_hold` asks.

Two families: where the partition counts pods, any of them may be new, and a percentage follows a change of `replicas`
by itself; where it is an ordinal, the pods from there up are new, and only whole numbers are known. Plugins add others.
At rest, when a batch is ready and stays for a while, the partition says what must not be passed whatever happens,
though nobody of us lives: pods that are new stay so, and what is made from then on is stable. See docs/kinds.md.
"""

import re
from typing import Final, Protocol

import msgspec

from tidegate_contracts.orders import Target
from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_workload_controller.budgets import Amount, ceiling_of
from tidegate_workload_controller.census import Census
from tidegate_workload_controller.seen import Pod, View

ALL_ORDINALS: Final = 2_147_483_647
"""Above every ordinal: whatever is made now is of the stable revision."""

PARALLEL: Final = "Parallel"
_ORDINAL: Final = re.compile(r"-([0-9]+)$", re.ASCII)


class Partition(msgspec.Struct, frozen=True):
    amount: Amount


class Places(Protocol):
    """How a kind chooses which of its pods stay behind the partition; a kind of another plugin subclasses it."""

    field: str = "partition"
    """What the kind calls it in `updateStrategy`."""

    everything: Amount = ALL_ORDINALS
    """The partition behind which all pods stay."""

    nothing: Amount = 0
    """The one behind which none does, however many there are; where none stands, this one is meant."""

    def partition(self, target: Target, view: View, census: Census, goal: int, *, at_rest: bool) -> Partition:
        """The partition for a batch of `goal` new pods."""
        ...

    def blocks(self, amount: Amount) -> bool:
        """Whether any pod stays behind it."""
        return amount not in {self.nothing, "0%"}

    def obstacles(self, view: View, revision: str, least: int = 0) -> tuple[tuple[str, str], ...]:
        """Pods, by name and uid, that keep the others from becoming `revision`; only those from `least` up count.

        None, where pods that aren't ready go first.
        """
        del view, revision, least
        return ()


class Counted(Places):
    """The partition is how many pods stay: a percentage of it rounds up."""

    everything: Amount = "100%"

    def partition(self, target: Target, view: View, census: Census, goal: int, *, at_rest: bool) -> Partition:
        del view
        replicas, stay = census.replicas, census.replicas - goal
        if stay <= 0:
            return Partition(0)
        if at_rest:
            return Partition(f"{WHOLE_PERCENT - target.percent}%" if target.percent else self.everything)
        percent = WHOLE_PERCENT * stay // replicas
        exact = percent > 0 and ceiling_of(percent * replicas, WHOLE_PERCENT) == stay
        return Partition(f"{percent}%" if exact and target.percent else stay)


class OnNodes(Places):
    """The partition is how many pods stay, a pod a node, in whole numbers."""

    def partition(self, target: Target, view: View, census: Census, goal: int, *, at_rest: bool) -> Partition:
        del target, view, at_rest
        return Partition(max(census.replicas - goal, 0))


class Ordered(Places):
    """The partition is the place from which pods are new, in the order of their ordinals.

    An Advanced StatefulSet that updates unordered, by priorities, knows no places: there it is how many pods stay.
    """

    def partition(self, target: Target, view: View, census: Census, goal: int, *, at_rest: bool) -> Partition:
        """The lowest ordinal that makes no more than `goal` new pods, with those below it that are new already."""
        del target
        if census.replicas == goal:
            return Partition(0)
        new = {_index(view, pod) for pod in census.new}
        if at_rest or len(new) > goal:
            return Partition(ALL_ORDINALS)
        if (view.workload.spec.update_strategy.get("rollingUpdate") or {}).get("unorderedUpdate") is not None:
            return Partition(census.replicas - goal)
        spare, partition = goal - len(new), census.replicas
        while partition > 0 and (partition - 1 in new or spare > 0):
            spare -= partition - 1 not in new
            partition -= 1
        return Partition(partition)

    def obstacles(self, view: View, revision: str, least: int = 0) -> tuple[tuple[str, str], ...]:
        """One that isn't ready makes an ordered native controller wait before it looks at any revision."""
        if view.workload.spec.pod_management_policy == PARALLEL:
            return ()
        return tuple(
            (pod.metadata.name, pod.metadata.uid)
            for pod in view.pods
            if pod.alive and pod.ready_since_s is None and view.revision_of(pod) != revision
            if _index(view, pod) >= least
        )


def _index(view: View, pod: Pod) -> int:
    """A pod's place among the ordinals that are used; one that has none is before them all."""
    match = _ORDINAL.search(pod.metadata.name)
    if match is None:
        return -1
    start, ordinal = view.workload.spec.ordinals.start, int(match.group(1))
    left_out = {each for entry in view.workload.spec.reserve_ordinals for each in _range(entry, ordinal)}
    return ordinal - start - sum(start <= each for each in left_out)


def _range(entry: int | str, end: int) -> range:
    """An entry of `reserveOrdinals`, a number or `first-last`, below an ordinal."""
    first, _, last = str(entry).partition("-")
    if not first.isdecimal() or not (last or first).isdecimal():
        return range(0)
    return range(int(first), min(int(last or first) + 1, end))
