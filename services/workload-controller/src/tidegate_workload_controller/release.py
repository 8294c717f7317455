"""What to do next for a ReleaseWorkload order, until nothing of ours is left on the workload.

Pure, like `convergence`. One patch gives everything back, wherever the user's own strategy can be trusted with pods of
two revisions. A workload that recreates, or is paused, first moves within limits until all pods are of one revision:
there is no moment at which its own strategy could delete them all, or stand still halfway.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from tidegate_contracts.facts import PodCounts, WorkloadRefused, WorkloadReleased
from tidegate_contracts.orders import ReleaseWorkload
from tidegate_contracts.problem import Problem
from tidegate_workload_controller import failures, marks, patches, turning
from tidegate_workload_controller.actions import Action, Decision, Disown, Patch, Progress, PutBack, Report
from tidegate_workload_controller.census import Census, count, revision_of, stable_of
from tidegate_workload_controller.hold import own_values
from tidegate_workload_controller.memory import Paced
from tidegate_workload_controller.saved import Saved
from tidegate_workload_controller.seen import View
from tidegate_workload_controller.symptoms import symptoms
from tidegate_workload_controller.waiting import wait_for


class ReleaseMemory(Paced, frozen=True):
    """What one holder remembers of one release.

    Args:
        refused: Whether it was said that there is nothing to go back to.
    """

    refused: bool = False


class _Scene(msgspec.Struct, frozen=True):
    order: ReleaseWorkload
    view: View
    saved: Saved
    stable: str
    revision: str | None
    """The revision that all pods should have in the end; None where its template is gone."""
    in_place: bool
    """Whether the Workload has that revision's template."""
    census: Census
    now_s: float

    @property
    def counts(self) -> PodCounts:
        """Where the stable revision is the one that stays, nobody is updated."""
        counts = self.census.counts
        return replace(counts, updated=0, updated_ready=0) if self.revision == self.stable else counts

    @property
    def of_one_revision(self) -> bool:
        census = self.census
        one = census.new_told == census.replicas and census.old_told == 0 and census.alive == len(census.new)
        return self.in_place and one

    @property
    def at_once(self) -> bool:
        """Whether the user's own strategy can do the rest, from here on."""
        if self.order.mode == "let_go" and self.saved.paused:
            return True
        return self.view.hold.finishes(self.saved) or self.of_one_revision


def decide(order: ReleaseWorkload, view: View | None, memory: ReleaseMemory, now_s: float) -> Decision[ReleaseMemory]:
    """What to do now for this order; see `convergence.decide`."""
    if view is None or view.workload.metadata.deletion_timestamp is not None:
        return _released(order, None, memory, now_s)
    if view.workload.fence > order.revision:
        return Decision(memory, done=True)  # superseded: a newer order has been carried out already
    if not view.live and (view.workload.is_marked or view.template_digest is None):
        return Decision(memory, look_live=True)
    scene = _look(order, view, now_s)
    if not view.workload.is_marked:
        return _wait(scene, memory)
    if order.mode == "restore" and scene.revision is None:
        return _refuse(scene, memory)
    return _give_back(scene, memory)


def _look(order: ReleaseWorkload, view: View, now_s: float) -> _Scene:
    workload = view.workload
    saved = own_values(view.hold, workload)
    current = revision_of(view, view.template_digest or "")
    marked = order.stable_revision or workload.metadata.annotations.get(marks.STABLE_REVISION)
    # A change that was held at admission, and that no rollout has taken up, has no revision marked as stable yet.
    stable = marked or stable_of(view, besides=current) or ""
    goes_back = order.mode == "restore" and workload.is_marked
    revision = (stable if stable in view.digests else None) if goes_back else current
    min_ready_s = view.hold.min_ready_s(workload, saved)
    return _Scene(
        order=order,
        view=view,
        saved=saved,
        stable=stable,
        revision=revision,
        in_place=revision is not None and view.digests.get(revision) == view.template_digest,
        census=count(view, new=revision, stable=stable, min_ready_s=min_ready_s, now_s=now_s),
        now_s=now_s,
    )


def _give_back(scene: _Scene, memory: ReleaseMemory) -> Decision[ReleaseMemory]:
    """The next patch, or patience until the last one can be made."""
    hold, workload = scene.view.hold, scene.view.workload
    free = hold.moves_freely(workload, scene.saved)
    turn = turning.turn(scene.view, scene.saved, in_place=scene.in_place) if scene.order.mode == "restore" else "go"
    if turn == "stop":
        body = patches.still(hold, scene.order, scene.saved, scene.stable)
        return Decision(memory, (_patch(scene, body),), progress=_progress(scene))
    if turn == "wait":
        return turning.soon(_patience(scene, memory, turning.COUNTED), scene.now_s)
    if scene.at_once:
        body = patches.given_back(hold, scene.saved)
        return Decision(memory, (_patch(scene, body),), progress=_progress(scene))
    if not (free and scene.in_place) or workload.fence != scene.order.revision:
        body = patches.free(hold, scene.order, scene.saved, scene.stable)
        return Decision(memory, (_patch(scene, body),), progress=_progress(scene))
    return _patience(scene, memory)


def _patch(scene: _Scene, body: dict[str, Any]) -> Action:
    restores = scene.order.mode == "restore"
    if scene.in_place or not restores or scene.revision is None:
        own = scene.order.rollout if restores else ""
        return Patch(failures.forgotten(body, scene.view, besides=own))
    return PutBack(failures.noted(body, scene.view, scene.order.rollout), scene.revision)


def _wait(scene: _Scene, memory: ReleaseMemory) -> Decision[ReleaseMemory]:
    """Our marks are gone; then our name is, and where that is asked for, wait until the workload is whole.

    Where our name stands is known from the answer to the patch that took the marks off: nothing has to be read for it.
    """
    if scene.view.owned:
        return Decision(memory, (Disown(scene.view.owned),))
    if scene.order.mode == "let_go" or scene.view.workload.spec.paused or scene.view.workload.complete:
        if not scene.view.live:
            return Decision(memory, look_live=True)
        return _released(scene.order, scene.counts, memory, scene.now_s)
    return _patience(scene, memory)


def _patience(scene: _Scene, memory: ReleaseMemory, awaited: str = "") -> Decision[ReleaseMemory]:
    told = [each for each in scene.view.revisions if each.name == scene.revision]
    return wait_for(
        _progress(scene),
        scene.order,
        scene.census,
        memory,
        scene.now_s,
        live=scene.view.live,
        awaited=awaited,
        ailments=symptoms(scene.census.new, told),
        obstacles=scene.view.hold.obstacles(scene.view, scene.revision or "") if scene.in_place else (),
    )


def _released(
    order: ReleaseWorkload, counts: PodCounts | None, memory: ReleaseMemory, now_s: float
) -> Decision[ReleaseMemory]:
    fact = WorkloadReleased(
        rollout=order.rollout,
        order_revision=order.revision,
        at_s=now_s,
        mode=order.mode,
        counts=counts,
    )
    return Decision(memory, (Report(fact),), done=True)


def _refuse(scene: _Scene, memory: ReleaseMemory) -> Decision[ReleaseMemory]:
    """There is nothing to go back to: somebody removed the stable ReplicaSet."""
    if memory.refused:
        return Decision(memory)
    problem = Problem(
        field="stable_revision",
        value=scene.stable,
        rule="a ReplicaSet of this revision exists, since its template is what to go back to",
        remedy="Apply the stable template to the workload, then cancel the rollout.",
    )
    fact = WorkloadRefused(
        rollout=scene.order.rollout, order_revision=scene.order.revision, at_s=scene.now_s, problem=problem
    )
    return Decision(replace(memory, refused=True), (Report(fact),))


def _progress(scene: _Scene) -> Progress:
    restored = scene.order.mode == "restore"
    return Progress(0 if restored else scene.census.replicas, scene.counts, "the workload to be whole")
