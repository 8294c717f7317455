"""The arithmetic of partitions, against what the native controllers make of them: exact, monotone, reachable."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_contracts.facts import BatchReady
from tidegate_contracts.orders import ApplyBatch, Target
from tidegate_contracts.workload import WorkloadReference
from tidegate_workload_controller.actions import Patch, Report
from tidegate_workload_controller.batch import rounded_up
from tidegate_workload_controller.budgets import Amount, ceiling_of
from tidegate_workload_controller.census import Census, count
from tidegate_workload_controller.hold import Fields
from tidegate_workload_controller.marks import REVISION_HASH
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.partition_hold import PartitionHold
from tidegate_workload_controller.partitions import ALL_ORDINALS, Counted, OnNodes, Ordered, Partition, Places
from tidegate_workload_controller.saved import Saved
from tidegate_workload_controller.seen import Condition, Ordinals, Pod, PodStatus, View, Workload, WorkloadSpec
from tidegate_workload_controller.watching import follow

SCALES = (1, 2, 3, 5, 10, 99, *range(100, 201))
LONG_AGO = "2026-01-01T00:00:00Z"
READY = PodStatus(phase="Running", conditions=(Condition("Ready", "True", last_transition_time=LONG_AGO),))
UNREADY = PodStatus(phase="Running", conditions=(Condition("Ready", "False", last_transition_time=LONG_AGO),))
BY_ORDINAL = PartitionHold(Ordered(), nested=True)


def pod(index: int, revision: str, *, ready: bool = True) -> Pod:
    metadata = ObjectMeta(name=f"web-{index}", uid=f"{revision}-{index}", labels={REVISION_HASH: revision})
    return Pod(metadata=metadata, status=READY if ready else UNREADY)


def view(replicas: int, new: set[int], *, start: int = 0, unready: frozenset[int] = frozenset()) -> View:
    pods = (
        pod(start + index, "new" if index in new else "old", ready=index not in unready) for index in range(replicas)
    )
    return View(
        workload=Workload(spec=WorkloadSpec(replicas=replicas, ordinals=Ordinals(start))),
        revisions=(),
        pods=tuple(pods),
        template_digest="new",
        digests={},
        live=True,
        hold=BY_ORDINAL,
        revision_label=REVISION_HASH,
    )


def told(places: Places, target: Target, seen: View, *, at_rest: bool = False) -> Amount:
    replicas = seen.workload.replicas
    census = count(seen, new="new", stable="old", min_ready_s=0, now_s=1e10)
    return places.partition(target, seen, census, rounded_up(target, replicas), at_rest=at_rest).amount


def clone_set_makes_new(partition: Amount, replicas: int) -> int:
    """How many pods a CloneSet takes to the new revision; of a percentage below 100 at least one."""
    if isinstance(partition, int):
        return max(replicas - partition, 0)
    percent = int(partition.removesuffix("%"))
    new = replicas - ceiling_of(percent * replicas, 100)
    return max(new, 1) if percent < 100 and replicas else new


def stateful_set_makes_new(partition: Amount, replicas: int, new: set[int]) -> set[int]:
    """Pods from the partition up are taken to the new revision, and none is ever taken back."""
    assert isinstance(partition, int)
    return {index for index in range(replicas) if index >= partition or index in new}


@pytest.mark.parametrize("replicas", SCALES)
def test_every_percentage_is_reached_exactly_and_rising_steps_never_lower_it(replicas: int) -> None:
    before, ordered = 0, set[int]()
    for percent in range(1, 101):
        target = Target(percent=percent)
        wanted = ceiling_of(percent * replicas, 100)
        assert clone_set_makes_new(told(Counted(), target, view(replicas, set())), replicas) == wanted
        ordered = stateful_set_makes_new(told(Ordered(), target, view(replicas, ordered)), replicas, ordered)
        assert len(ordered) == wanted
        nodes = told(OnNodes(), target, view(replicas, set()))
        assert isinstance(nodes, int)
        assert replicas - nodes == wanted
        assert wanted >= before
        before = wanted


@given(st.sampled_from(SCALES), st.data())
def test_every_count_is_reached_exactly(replicas: int, data: st.DataObject) -> None:
    wanted = data.draw(st.integers(1, replicas))
    target = Target(count=wanted)
    assert clone_set_makes_new(told(Counted(), target, view(replicas, set())), replicas) == wanted
    assert len(stateful_set_makes_new(told(Ordered(), target, view(replicas, set())), replicas, set())) == wanted


@given(st.integers(1, 200), st.integers(0, 200), st.integers(1, 99))
def test_at_rest_no_scale_has_more_new_pods_than_the_step(replicas: int, later: int, percent: int) -> None:
    """Though nobody of us lives: what is made from then on is stable, or the step's own share."""
    target = Target(percent=percent)
    wanted = rounded_up(target, replicas)
    new = set(range(replicas - wanted, replicas))
    if wanted < replicas:
        resting = told(Counted(), target, view(replicas, new), at_rest=True)
        assert clone_set_makes_new(resting, later) <= max(rounded_up(target, later), 1)
        assert told(Ordered(), target, view(replicas, new), at_rest=True) == ALL_ORDINALS


@given(st.integers(1, 60), st.sets(st.integers(0, 59)), st.integers(1, 100), st.integers(0, 5))
def test_new_pods_anywhere_are_counted_in(replicas: int, anywhere: set[int], percent: int, start: int) -> None:
    """After pods were made anew, or the workload scaled: never above the step, and reached where it can be."""
    new = {index for index in anywhere if index < replicas}
    wanted = ceiling_of(percent * replicas, 100)
    after = stateful_set_makes_new(
        told(Ordered(), Target(percent=percent), view(replicas, new, start=start)), replicas, new
    )
    assert len(after) == max(wanted, len(new))


@pytest.mark.parametrize("left_out", [(1, 3), ("1", "3"), ("1-1", 3, "9-4"), (1, 3, 200)], ids=str)
def test_ordinals_that_are_left_out_have_no_place(left_out: tuple[int | str, ...]) -> None:
    """An Advanced StatefulSet's partition counts the pods before it, not the ordinals (`isCurrentRevisionNeeded`)."""
    seen = view(5, set())
    spec = replace(seen.workload.spec, reserve_ordinals=left_out)
    pods = tuple(pod(ordinal, "new" if ordinal == 6 else "old") for ordinal in (0, 2, 4, 5, 6))
    seen = replace(seen, workload=replace(seen.workload, spec=spec), pods=pods)
    assert told(Ordered(), Target(percent=40), seen) == 3
    assert told(Ordered(), Target(percent=60), seen) == 2


def test_where_the_order_is_of_priorities_the_partition_is_how_many_stay() -> None:
    seen = view(5, {0})
    strategy = {"rollingUpdate": {"unorderedUpdate": {"priorityStrategy": {}}}}
    spec = replace(seen.workload.spec, update_strategy=strategy)
    seen = replace(seen, workload=replace(seen.workload, spec=spec))
    assert told(Ordered(), Target(percent=60), seen) == 2
    assert told(Ordered(), Target(percent=60), seen, at_rest=True) == ALL_ORDINALS


def test_what_blocks_the_ordinals_is_what_is_not_ready_and_not_new() -> None:
    seen = view(5, {4}, unready=frozenset({4, 3, 0}))
    assert [name for name, _ in Ordered().obstacles(seen, "new")] == ["web-0", "web-3"]
    assert [name for name, _ in Ordered().obstacles(seen, "new", 3)] == ["web-3"]
    assert Counted().obstacles(seen, "new") == ()


class NewPods(Places):
    """As a plugin may say it: by how many pods are new, and all of them where nothing is said."""

    field = "newPods"
    everything = 0
    nothing = ALL_ORDINALS

    def partition(self, target: Target, view: View, census: Census, goal: int, *, at_rest: bool) -> Partition:
        del target, view, census, at_rest
        return Partition(goal)


@pytest.mark.parametrize("own", [{}, {"newPods": 3}, {"newPods": 0, "more": "of the user's"}])
def test_a_plugins_field_is_written_read_and_given_back_as_any_other(own: dict[str, Any]) -> None:
    hold = PartitionHold(NewPods(), nested=False)
    saved = hold.save(Workload(spec=WorkloadSpec(update_strategy=own)))

    def after(fields: Fields) -> Workload:
        return Workload(spec=WorkloadSpec(update_strategy=fields["updateStrategy"] or {}))

    held = after(hold.fields(Partition(2), saved))
    assert held.spec.update_strategy == {**own, "newPods": 2}
    assert hold.setting(held) == Partition(2)
    assert hold.partition(held) == 2
    assert hold.stands(held, saved)
    assert not hold.moves_freely(held, saved)
    assert hold.moves_freely(after(hold.moving(saved)), saved)
    assert after(hold.own(saved)).spec.update_strategy == own
    assert hold.finishes(saved) == ("newPods" not in own)


def test_going_back_whatever_is_not_ready_is_made_anew_wherever_it_stands() -> None:
    """Below the partition, too: an ordered native controller waits for it, and makes it stable again."""
    order = _three(new="old", stable="new", going_back=True)
    seen = view(5, {2, 3, 4}, unready=frozenset({2, 4}))
    scene = BY_ORDINAL.look(order, seen, Saved(), new="old", now_s=1e10)
    standing = replace(seen.workload, spec=replace(seen.workload.spec, update_strategy=_standing(scene.wanted)))
    scene = BY_ORDINAL.look(order, replace(seen, workload=standing), Saved(), new="old", now_s=1e10)
    assert (scene.goal, scene.wanted) == (3, Partition(4))
    assert [name for name, _ in scene.removals] == ["web-2", "web-4"]


def _three(*, new: str, stable: str, **more: Any) -> ApplyBatch:
    return ApplyBatch(
        rollout="r1",
        revision=1,
        workload=WorkloadReference(name="web", kind="StatefulSet"),
        change=None,
        target=Target(count=3),
        template_digest=new,
        stable_revision=stable,
        **more,
    )


def _standing(partition: Partition) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": partition.amount}}


def test_a_batch_goes_to_rest_without_the_pods_that_may_be_unready() -> None:
    order = _three(new="new", stable="old")
    seen = view(5, {2, 3, 4}, unready=frozenset({3}))
    patient = replace(order, failure_threshold=Target(count=1))
    moving, resting = (
        BY_ORDINAL.look(each, seen, Saved(), new="new", now_s=1e10).wanted.amount for each in (order, patient)
    )
    assert (moving, resting) == (2, ALL_ORDINALS)


def test_a_batch_is_at_rest_before_it_is_reported_as_ready() -> None:
    """Who hears of it may scale at once, and a parallel controller would give the added pods the new version."""
    seen = view(5, {2, 3, 4})
    scene = BY_ORDINAL.look(_three(new="new", stable="old"), seen, Saved(), new="new", now_s=1e10)
    assert scene.wanted == Partition(ALL_ORDINALS) != scene.standing
    resting = Patch({"spec": {"updateStrategy": _standing(scene.wanted)}})
    decision = follow(scene, Memory(canary_revision="new"), (resting,), 1e10, live=True)
    before, report = decision.actions[-2:]
    assert before == resting
    assert isinstance(report, Report)
    assert isinstance(report.fact, BatchReady)
