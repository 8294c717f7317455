"""An independent witness of one workload: it reads only the API server, and remembers what must never be.

Invariants of ARCHITECTURE.md: I1 (new pods never exceed the approved target at the present scale; after a scale-down
there may be more, but never more than before), I3 (ready pods never fall below replicas - maxUnavailable; where a style
keeps every stable pod, none of them goes before the promotion, and none of those that carry the traffic while it goes
on), I12 (every field that we don't own is as its owner left it, and nothing of ours stays behind).
"""

from collections.abc import Callable
from typing import Any

from support.workloads import Observer, Rig, Sample
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_contracts.orders import Target
from tidegate_workload_controller.seen import Workload

MARK = "tidegate.io/"
SKEW_S = 0.5
"""Workload and pods are watched by two streams: for this long one may be ahead of the other."""


class Witness:
    """Args:
    observer: What sees every moment.
    stable: The revision to come from.
    most_missing: Pods that the user's own strategy lets be missing; after a scale-up, of those that were there.
    keeps_stable: Whether every stable pod has to stay until the promotion.
    """

    def __init__(
        self, observer: Observer, stable: str, most_missing: Callable[[int], int], *, keeps_stable: bool = False
    ) -> None:
        self._observer = observer
        self._stable = stable
        self._most_missing = most_missing
        self._approved: Target | None = Target(count=0)
        self._excused = 0
        self._older: dict[str, int] = {}
        self._checked = 0
        self._new = 0
        self._replicas = 0
        self._reached = 0
        self._keeps_stable = keeps_stable
        self._carrying = stable if keeps_stable else None
        self._carried = 0

    def approve(self, target: Target) -> None:
        """From now on so many pods may be new; what was seen before is judged by the step before."""
        self.check()
        self._approved = target

    def excuse(self, pods: int) -> None:
        """From now on so many more pods may be missing: somebody else takes them away."""
        self.check()
        self._excused += pods

    def look_away(self) -> None:
        """From now on any number of new pods is the user's own doing; availability is watched all the same.

        A StatefulSet's own controller replaces the highest pod for a newer template though the one below it is on its
        way for the one before: one pod more may be missing, as after any change of a template in the middle.
        """
        self.excuse(1)
        self._approved, self._carrying = None, None

    def supersede(self) -> None:
        """From now on another version is new, and of the one before there are never more pods than now."""
        self.check()
        self._older = {
            revision: count for revision, count in self._observer.samples[-1].alive.items() if revision != self._stable
        }

    def promote(self, carrying: str | None) -> None:
        """From now on stable pods go as their user's own strategy lets them, and these pods carry the traffic."""
        self.check()
        self._approved, self._carrying, self._carried = None, carrying, 0

    def let_go(self) -> None:
        """From now on the user's own strategy counts, and nothing else."""
        self.check()
        self._approved, self._carrying = None, None

    def begin_anew(self, stable: str) -> None:
        """The next rollout comes from this revision, which all pods are of; nothing is approved yet."""
        self.check()
        self._stable, self._approved, self._older, self._new = stable, Target(count=0), {}, 0
        self._carrying, self._carried = (stable if self._keeps_stable else None), 0

    def check(self) -> None:
        samples = self._observer.samples[self._checked :]
        self._checked += len(samples)
        for sample in samples:
            scales = {each.replicas for each in samples if abs(each.at_s - sample.at_s) <= SKEW_S}
            self._check_new(sample, scales)
            self._check_ready(sample, scales)
            self._check_carrying(sample, scales)

    def _check_new(self, sample: Sample, scales: set[int]) -> None:
        for revision, most in self._older.items():
            assert sample.alive.get(revision, 0) <= most, f"I1: more pods of a superseded version: {sample}"
        known = {self._stable, *self._older}
        new = sum(count for revision, count in sample.alive.items() if revision not in known)
        if self._approved is not None:
            there = self._new if min(scales) <= self._replicas else 0
            allowed = max(_most(self._approved, max(scales)), there)
            assert new <= allowed, f"I1: {new} new pods where {allowed} are approved: {sample}"
        self._new, self._replicas = new, min(scales)

    def _check_ready(self, sample: Sample, scales: set[int]) -> None:
        ready = sum(sample.ready.values())
        self._reached = min(max(self._reached, ready), *scales)
        least = self._reached - self._most_missing(sample.replicas) - self._excused
        assert ready >= least, f"I3: {ready} ready where there must be {least}: {sample}"

    def _check_carrying(self, sample: Sample, scales: set[int]) -> None:
        if self._carrying is None:
            return
        ready = sample.ready.get(self._carrying, 0)
        self._carried = min(max(self._carried, ready), *scales)
        least = self._carried - self._excused
        assert ready >= least, f"I3: {ready} of {self._carrying} ready where all {least} must stay: {sample}"


def _most(target: Target, replicas: int) -> int:
    if target.count is not None:
        return min(target.count, replicas)
    assert target.percent is not None
    return min(-(-target.percent * replicas // 100), replicas)


async def own_spec(made: Rig) -> dict[str, Any]:
    """The workload's spec without its template and scale, with nothing of ours left on it or beside it."""
    found = await made.raw()
    metadata = found["metadata"]
    left = [name for part in ("annotations", "labels") for name in metadata.get(part) or {} if name.startswith(MARK)]
    left += [name for name in metadata.get("finalizers") or () if name.startswith(MARK)]
    beside = await made.admin.read(made.kind.resource, made.namespace, f"{made.name}-canary", Workload)
    if not isinstance(beside, NotFound) and beside.metadata.deletion_timestamp is None:
        left.append(beside.metadata.name)
    assert not left, f"I12: left behind: {left}"
    spec: dict[str, Any] = found["spec"]
    return {name: value for name, value in spec.items() if name not in {"template", "replicas"}}
