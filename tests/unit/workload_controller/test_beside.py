"""Single decisions about pods beside a workload: what is written, what others did is said, what goes last."""

from typing import Any

import pytest
from msgspec.structs import replace
from support.held_world import REFERENCE
from support.native_deployment import NativeDeployment, Written

from tidegate_chassis.kubernetes.objects import ObjectMeta, OwnerReference
from tidegate_chassis.kubernetes.ownership import OwnedMeta
from tidegate_contracts.facts import BatchReady, BatchStalled, WorkloadChanged, WorkloadPromoted, WorkloadReleased
from tidegate_contracts.orders import ApplyBatch, PromoteWorkload, ReleaseWorkload, Target
from tidegate_contracts.rollout import Change
from tidegate_workload_controller import marks, promotion, release
from tidegate_workload_controller.actions import (
    Action,
    Decision,
    LetScale,
    MakeBeside,
    Patch,
    RemoveBeside,
    Report,
    ScaleBeside,
    Touch,
)
from tidegate_workload_controller.around import after, before
from tidegate_workload_controller.autoscalers import Autoscaler, AutoscalerSpec
from tidegate_workload_controller.beside import GOING, decide
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.objections import REPAIR_TOLD_AGAIN_S
from tidegate_workload_controller.release import ReleaseMemory
from tidegate_workload_controller.saved import Saved, encode
from tidegate_workload_controller.seen import Sight, View, WorkloadStatus

NOW_S = 5_000.0
CHANGE = Change(images={"app": "web:v2"})


class World:
    """A workload at v1, and what is beside it."""

    def __init__(self, replicas: int = 10) -> None:
        self.own = NativeDeployment(replicas)
        self.written = Written(self.own)
        self.extra: NativeDeployment | None = None
        self.annotations: dict[str, str] = {}
        self.metadata: dict[str, Any] = {}
        self.paused: bool | None = None

    def order(self, percent: int = 20, **more: Any) -> ApplyBatch:
        fields: dict[str, Any] = {"revision": 1, "target": Target(percent=percent), "canary_revision": None} | more
        return ApplyBatch(
            rollout="r1",
            workload=REFERENCE,
            step=1,
            change=CHANGE,
            template_digest="v2",
            stable_revision="v1",
            style="canary",
            **fields,
        )

    def mark(self) -> None:
        self.written.annotations = {
            marks.ROLLOUT: "r1",
            marks.SAVED_STRATEGY: encode(Saved(nothing=True)),
            marks.STABLE_REVISION: "v1",
        }
        self.written.labels = {marks.ORDER_REVISION: "1"}

    def make(self, replicas: int, revision: str = "v2", rollout: str = "r1") -> None:
        self.extra = NativeDeployment(replicas, revision=revision)
        self.annotations = {
            marks.HELD_FOR: rollout,
            marks.TEMPLATE_DIGEST: revision,
        }

    def sight(self, *, live: bool = True, **more: Any) -> Sight:
        own = replace(self.written.view(), live=live)
        return Sight(own, self._beside(own, live=live), live=live, **more)

    def _beside(self, own: View, *, live: bool) -> View | None:
        if self.extra is None:
            return None
        view = Written(self.extra).view()
        fields: dict[str, Any] = {
            "name": "web-canary",
            "uid": "extra-uid",
            "generation": 1,
            "labels": {marks.MANAGED_BY: marks.MANAGER, marks.ORDER_REVISION: "1"},
            "annotations": self.annotations,
            "owner_references": (OwnerReference(uid=own.workload.metadata.uid),),
        } | self.metadata
        spec = replace(view.workload.spec, paused=self.paused)
        workload = replace(view.workload, metadata=ObjectMeta(**fields), spec=spec)
        return replace(view, workload=workload, live=live)


def only(decision: Decision[Any], kind: type[Action]) -> Any:
    (found,) = [each for each in decision.actions if isinstance(each, kind)]
    return found


def said(decision: Decision[Any]) -> list[Any]:
    return [each.fact for each in decision.actions if isinstance(each, Report)]


def test_the_workload_is_marked_and_the_extra_one_made_in_one_move() -> None:
    world = World()
    make = only(decide(world.order(), world.sight(), Memory(), NOW_S), MakeBeside)
    assert make.replicas == 2
    assert make.marks["spec"] == {}
    assert make.marks["metadata"]["annotations"][marks.SAVED_STRATEGY] == encode(Saved(nothing=True))


def test_nothing_is_made_from_a_cached_look() -> None:
    world = World()
    decision = decide(world.order(), world.sight(live=False), Memory(), NOW_S)
    assert decision.look_live
    assert not decision.actions


def test_after_a_crash_between_the_two_the_extra_one_is_made_without_a_word() -> None:
    world = World()
    world.mark()
    decision = decide(world.order(), world.sight(), Memory(), NOW_S)
    assert only(decision, MakeBeside).marks is None
    assert not said(decision)


def test_ready_pods_beside_are_a_ready_batch() -> None:
    world = World()
    world.mark()
    world.make(2)
    decision = decide(world.order(), world.sight(), Memory(), NOW_S)
    (fact,) = said(decision)
    assert isinstance(fact, BatchReady)
    assert (fact.settled, fact.canary_revision, fact.target_pods) == (True, "v2", 2)
    assert (fact.counts.replicas, fact.counts.updated_ready, fact.counts.stable_ready) == (10, 2, 10)
    assert not said(decide(world.order(), world.sight(), decision.memory, NOW_S))


def test_pods_beside_are_no_ready_batch_before_their_controller_knows_how_many_they_are_to_be() -> None:
    world = World()
    world.mark()
    world.make(2)
    world.metadata["generation"] = 1_000
    assert not said(decide(world.order(), world.sight(), Memory(), NOW_S))


def test_nor_before_whoever_makes_the_pods_has_taken_in_how_many_are_to_stay() -> None:
    """From 3 to 2 and back to 3: a ReplicaSet controller that is late may still remove the third."""
    world = World()
    world.mark()
    world.make(2)
    sight = world.sight()
    assert sight.extra is not None
    unseen = replace(sight.extra, revisions=tuple(replace(each, is_seen=False) for each in sight.extra.revisions))
    decision = decide(world.order(), Sight(sight.own, unseen, live=True), Memory(), NOW_S)
    assert not said(decision)
    assert decision.progress is not None
    assert "to take in that 2 new pods are to stay" in decision.progress.waiting_for
    assert said(decide(world.order(), sight, decision.memory, NOW_S))


@pytest.mark.parametrize(("replicas", "pods"), [(20, 4), (3, 1), (0, 0)])
def test_the_extra_one_follows_the_workloads_scale(replicas: int, pods: int) -> None:
    world = World()
    world.mark()
    world.make(2)
    world.own.replicas = replicas
    scale = only(decide(world.order(), world.sight(), Memory(), NOW_S), ScaleBeside)
    assert scale.replicas == pods


def test_no_pod_goes_that_may_still_get_traffic() -> None:
    world = World()
    world.mark()
    world.make(6)
    kept = decide(world.order(ready_before=6), world.sight(), Memory(), NOW_S)
    assert [type(each) for each in kept.actions] == [Report]
    assert only(decide(world.order(), world.sight(), Memory(), NOW_S), ScaleBeside).replicas == 2


@pytest.mark.parametrize("deed", ["deleted", "scaled", "another template", "paused"])
def test_what_somebody_did_to_it_is_undone_every_time_and_said(deed: str) -> None:
    world = World()
    world.mark()
    world.make(2)
    order = world.order(canary_revision="v2")
    memory = decide(order, world.sight(), Memory(), NOW_S).memory
    if deed == "deleted":
        world.extra = None
    elif deed == "scaled":
        world.make(5)
    elif deed == "another template":
        world.annotations[marks.TEMPLATE_DIGEST] = "v3"
    else:
        world.paused = True
    first = decide(order, world.sight(), memory, NOW_S)
    assert only(first, MakeBeside).replicas == 2
    assert isinstance(said(first)[0], WorkloadChanged)
    second = decide(order, world.sight(), first.memory, NOW_S)
    assert [type(each) for each in second.actions] == [MakeBeside]
    later = decide(order, world.sight(), second.memory, NOW_S + REPAIR_TOLD_AGAIN_S)
    assert [type(each) for each in later.actions] == [MakeBeside, Report]


def test_an_older_rollouts_extra_one_is_made_anew_without_a_word() -> None:
    world = World()
    world.mark()
    world.make(6, revision="v3", rollout="r0")
    decision = decide(world.order(), world.sight(), Memory(), NOW_S)
    assert only(decision, MakeBeside).replicas == 2
    assert not said(decision)


@pytest.mark.parametrize(
    "metadata",
    [
        {"owner_references": ()},
        {"labels": {}},
        {"labels": {marks.MANAGED_BY: marks.MANAGER, marks.ORDER_REVISION: "9"}},
    ],
    ids=["of another owner", "of another manager", "of a newer order"],
)
def test_what_is_not_ours_is_left_alone(metadata: dict[str, Any]) -> None:
    world = World()
    world.mark()
    world.make(2)
    world.metadata = metadata
    decision = decide(world.order(), world.sight(), Memory(), NOW_S)
    assert [type(each) for each in decision.actions] == [Report]
    assert isinstance(said(decision)[0], WorkloadChanged)


@pytest.mark.parametrize("template", ["v9", "v2"], ids=["another one", "the new one, before its time"])
def test_another_stable_template_is_said_and_nothing_is_written(template: str) -> None:
    world = World()
    world.mark()
    world.make(2)
    world.own.revision = template
    (fact,) = said(decide(world.order(percent=80), world.sight(), Memory(), NOW_S))
    assert (type(fact), fact.what) == (WorkloadChanged, "the pod template")


def test_the_stable_version_wanted_again_needs_nothing_beside() -> None:
    world = World()
    world.mark()
    world.make(2)
    order = replace(world.order(), template_digest="v1")
    assert only(decide(order, world.sight(), Memory(), NOW_S), RemoveBeside)
    world.metadata = {"deletion_timestamp": "2026-01-01T00:00:00Z"}
    assert not decide(order, world.sight(), Memory(), NOW_S).actions
    world.extra = None
    (fact,) = said(decide(order, world.sight(), Memory(), NOW_S))
    assert (fact.canary_revision, fact.target_pods) == ("v1", 10)


def promoting(world: World, **more: Any) -> PromoteWorkload:
    del world
    fields: dict[str, Any] = {"canary_revision": "x2", "revision": 2} | more
    return PromoteWorkload(
        rollout="r1",
        workload=REFERENCE,
        step=2,
        style="canary",
        change=CHANGE,
        template_digest="v2",
        stable_revision="v1",
        **fields,
    )


def whole(view: View) -> View:
    replicas = view.workload.replicas
    status = WorkloadStatus(
        observed_generation=1, replicas=replicas, updated_replicas=replicas, available_replicas=replicas
    )
    return replace(view, workload=replace(view.workload, status=status))


def test_the_promotion_saves_the_users_values_with_the_change() -> None:
    world = World()
    world.mark()
    view = world.written.view()
    touch = only(promotion.decide(promoting(world), view, Memory(), NOW_S), Touch)
    assert touch.change == CHANGE
    assert touch.body["spec"]["strategy"] == view.workload.spec.strategy
    assert "maxSurge" in touch.body["metadata"]["annotations"][marks.SAVED_STRATEGY]


def test_promoted_is_said_once_and_only_of_a_whole_workload() -> None:
    world = World()
    world.mark()
    order = promoting(world)
    world.written.patch(only(promotion.decide(order, world.written.view(), Memory(), NOW_S), Touch).body, "v2")
    world.own.until_still()
    waiting = promotion.decide(order, world.written.view(), Memory(), NOW_S)
    assert not waiting.actions
    while world.own.sync() or not all(all(each.pods.values()) for each in world.own.sets.values()):
        world.own.ready_all()
    decision = promotion.decide(order, whole(world.written.view()), waiting.memory, NOW_S)
    (fact,) = said(decision)
    assert isinstance(fact, WorkloadPromoted)
    assert (fact.counts.updated_ready, fact.counts.stable) == (10, 0)
    assert not promotion.decide(order, whole(world.written.view()), decision.memory, NOW_S).actions


def test_a_strategy_edited_in_the_midst_is_put_back_every_time() -> None:
    world = World()
    world.mark()
    order = promoting(world)
    world.written.patch(only(promotion.decide(order, world.written.view(), Memory(), NOW_S), Touch).body, "v2")
    memory = promotion.decide(order, world.written.view(), Memory(), NOW_S).memory
    world.written.strategy = {"type": "Recreate"}
    again = promotion.decide(order, world.written.view(), memory, NOW_S)
    assert [type(each) for each in again.actions] == [Patch, Report]
    insisted = promotion.decide(order, world.written.view(), again.memory, NOW_S)
    assert [type(each) for each in insisted.actions] == [Patch]


def releasing(mode: str) -> ReleaseWorkload:
    return ReleaseWorkload(
        rollout="r1",
        revision=3,
        workload=REFERENCE,
        mode=mode,
        stable_revision="v1",
        style="canary",  # type: ignore[arg-type]
    )


def test_before_a_workload_is_released_what_is_around_it_goes() -> None:
    world = World()
    world.make(2)
    scaler = Autoscaler(OwnedMeta(name="web", annotations={marks.SAVED_BEHAVIOR: "null"}), AutoscalerSpec(behavior={}))
    order = releasing("promote")

    def decided() -> Decision[ReleaseMemory]:
        sight = world.sight(autoscalers=(scaler,) if held else ())
        assert sight.own is not None
        sight = replace(sight, own=whole(sight.own))
        assert not before(order, sight)
        return after(order, sight, release.decide(order, sight.own, ReleaseMemory(), NOW_S), NOW_S)

    held = True
    assert only(decided(), RemoveBeside)
    world.metadata = {"deletion_timestamp": "2026-01-01T00:00:00Z"}
    assert (decided().actions, decided().done) == ((), False)
    world.extra = None
    assert only(decided(), LetScale).autoscalers == (scaler,)
    held = False
    assert isinstance(said(decided())[0], WorkloadReleased)


@pytest.mark.parametrize("back", [False, True])
def test_former_pods_that_do_not_go_are_told_at_the_deadline(back: bool) -> None:
    world = World()
    world.mark()
    world.make(2)
    world.metadata = {"deletion_timestamp": "2026-01-01T00:00:00Z"}
    order = replace(world.order(), template_digest="v1") if back else world.order()
    waiting = decide(order, world.sight(), Memory(), NOW_S)
    assert (waiting.actions, waiting.until_s) == ((), NOW_S + order.progress_deadline_s)
    (fact,) = said(decide(order, world.sight(), waiting.memory, NOW_S + order.progress_deadline_s))
    assert isinstance(fact, BatchStalled)
    assert GOING in fact.reason


@pytest.mark.parametrize("mode", ["restore", "let_go"])
def test_pods_without_traffic_go_first(mode: str) -> None:
    world = World()
    world.mark()
    world.make(2)
    assert before(releasing(mode), world.sight()) == (RemoveBeside(),)
    assert before(releasing(mode), world.sight(live=False)) == ()


def test_what_was_only_marked_is_given_back_with_the_values_that_stand() -> None:
    world = World()
    world.mark()
    patch = only(release.decide(releasing("restore"), world.written.view(), ReleaseMemory(), NOW_S), Patch)
    assert patch.body["spec"]["strategy"] == world.written.strategy
    assert patch.body["metadata"]["annotations"] == dict.fromkeys(marks.ANNOTATIONS)
