"""Giving a workload back, decided on a model of the native controllers: whole, never all at once, field by field."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.held_world import REFERENCE, HeldWorld
from support.native_deployment import NativeDeployment

from tidegate_contracts.facts import WorkloadRefused
from tidegate_contracts.orders import ReleaseWorkload, Target
from tidegate_workload_controller import marks, release, turning
from tidegate_workload_controller.actions import Disown, Patch, PutBack, Report
from tidegate_workload_controller.release import ReleaseMemory
from tidegate_workload_controller.saved import saved_on
from tidegate_workload_controller.seen import View

NOW_S = 5_000.0


def held(replicas: int, percent: int, *, recreate: bool = False, paused: bool = False) -> HeldWorld:
    world = HeldWorld(NativeDeployment(replicas))
    if recreate:
        world.written.strategy = {"type": "Recreate"}
    if paused:
        world.written.fields["paused"] = True
    world.apply(world.order(Target(percent=percent)))
    return world


def order(world: HeldWorld, mode: str) -> ReleaseWorkload:
    world.revision += 1
    return ReleaseWorkload(
        rollout="r1",
        revision=world.revision,
        workload=REFERENCE,
        mode=mode,
        stable_revision="v1",  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("mode", ["promote", "restore", "let_go"])
def test_a_rolling_workload_is_given_back_in_one_patch(mode: str) -> None:
    world = held(10, 40)
    decision = release.decide(order(world, mode), world.written.view(), ReleaseMemory(), NOW_S)
    (patch,) = decision.actions
    assert isinstance(patch, PutBack if mode == "restore" else Patch)
    spec = patch.body["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert (spec["minReadySeconds"], spec["progressDeadlineSeconds"], spec["paused"]) == (None, 600, None)
    assert patch.body["metadata"]["annotations"] == dict.fromkeys(marks.ANNOTATIONS)


@pytest.mark.parametrize("mode", ["promote", "restore", "let_go"])
def test_recreate_is_not_given_back_while_there_are_pods_of_two_revisions(mode: str) -> None:
    world = held(10, 40, recreate=True)
    given = order(world, mode)
    first = release.decide(given, world.written.view(), ReleaseMemory(), NOW_S)
    (patch,) = first.actions
    assert isinstance(patch, Patch | PutBack)
    assert patch.body["spec"]["strategy"]["type"] == "RollingUpdate"
    assert patch.body["metadata"]["annotations"][marks.SAVED_STRATEGY]
    world._act(first)
    assert not release.decide(given, world.written.view(), first.memory, NOW_S).actions
    world.natively()
    (last,) = release.decide(given, world.written.view(), first.memory, NOW_S).actions
    assert isinstance(last, Patch)
    assert last.body["spec"]["strategy"] == {"type": "Recreate"}
    assert last.body["metadata"]["annotations"] == dict.fromkeys(marks.ANNOTATIONS)


def test_a_paused_workload_is_paused_again_only_when_it_is_whole() -> None:
    world = held(4, 50, paused=True)
    given = order(world, "promote")
    first = release.decide(given, world.written.view(), ReleaseMemory(), NOW_S)
    world._act(first)
    assert world.written.fields["paused"] is None
    world.natively()
    world._act(release.decide(given, world.written.view(), first.memory, NOW_S))
    assert world.written.fields["paused"] is True
    assert world.native.told("v1") == 0


def test_a_missing_stable_revision_is_said_once_and_nothing_is_guessed() -> None:
    world = held(4, 50)
    given = order(world, "restore")
    del world.native.sets["v1"]
    decision = release.decide(given, world.written.view(), ReleaseMemory(), NOW_S)
    (report,) = decision.actions
    assert isinstance(report, Report)
    assert isinstance(report.fact, WorkloadRefused)
    assert not decision.done
    assert not release.decide(given, world.written.view(), decision.memory, NOW_S).actions


def test_our_name_is_taken_off_where_the_answer_to_our_own_patch_says_it_stands() -> None:
    world = held(4, 100)
    given = order(world, "promote")
    world._act(release.decide(given, world.written.view(), ReleaseMemory(), NOW_S))
    answered = replace(world.written.view(), live=False, owned=(2,))
    assert release.decide(given, answered, ReleaseMemory(), NOW_S).actions == (Disown((2,)),)
    unread = replace(answered, template_digest=None)
    assert release.decide(given, unread, ReleaseMemory(), NOW_S).look_live


def test_a_superseded_release_ends_in_silence() -> None:
    world = held(4, 50)
    world.written.labels[marks.ORDER_REVISION] = "99"
    decision = release.decide(order(world, "restore"), world.written.view(), ReleaseMemory(), NOW_S)
    assert decision.done
    assert not decision.actions


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 100), st.sampled_from(["promote", "restore"]), st.booleans())
def test_no_release_ever_misses_more_pods_than_the_user_allows(
    replicas: int, percent: int, mode: str, recreate: bool
) -> None:
    world = held(replicas, percent, recreate=recreate)
    least = replicas - NativeDeployment(replicas).budget.room(replicas).unavailable

    def check(native: NativeDeployment) -> None:
        assert native.ready >= least

    world.check = check
    given = order(world, mode)
    memory = ReleaseMemory()
    for _ in range(500):
        decision = release.decide(given, world.written.view(), memory, NOW_S)
        memory = decision.memory
        acted = world._act(decision)
        if not acted and not world._step() and not world._get_ready():
            break
    final = "v1" if mode == "restore" else "v2"
    assert {name: each.told for name, each in world.native.sets.items() if each.told} == {final: replicas}
    assert not world.written.annotations


def test_turned_back_in_the_midst_of_a_move_it_waits_for_counts_that_are_true() -> None:
    """The native controller would let so many new pods go as it still counts stable ones that are on their way out."""
    world = held(10, 40)
    given, view = order(world, "restore"), world.written.view()
    gone = tuple(pod for pod in view.pods if view.revision_of(pod) != "v1")
    lagging = replace(view, pods=gone)
    assert lagging.counts_lag
    assert not release.decide(given, lagging, ReleaseMemory(), NOW_S).actions
    told = tuple(replace(each, available=0) for each in view.revisions)
    unheard = replace(lagging, revisions=told)
    assert unheard.counts_lag
    status = replace(view.workload.status, available_replicas=0)
    heard = replace(unheard, workload=replace(view.workload, status=status))
    (put_back,) = release.decide(given, heard, ReleaseMemory(), NOW_S).actions
    assert isinstance(put_back, PutBack)


def test_what_moves_by_itself_gets_its_old_template_standing_still_and_is_let_go_when_all_is_counted() -> None:
    """Paused with the newer template, it would take the stable pods left away once all newer are ready."""
    world = held(10, 40)
    given, view = order(world, "restore"), world.written.view()
    saved = saved_on(view.workload)
    assert saved is not None
    deadline_s = saved.progress_deadline_seconds
    own = replace(
        view.workload.spec, min_ready_seconds=0, progress_deadline_seconds=deadline_s, strategy=saved.strategy
    )
    moving = replace(view, workload=replace(view.workload, spec=own))
    (stop,) = release.decide(given, moving, ReleaseMemory(), NOW_S).actions
    assert isinstance(stop, PutBack)
    assert (stop.revision, stop.body["spec"]) == ("v1", {"paused": True})
    assert stop.body["metadata"]["labels"][marks.ORDER_REVISION] == str(given.revision)

    def stopped(*, behind: int, updated: int) -> View:
        metadata = replace(
            view.workload.metadata,
            generation=view.workload.status.observed_generation + behind,
            labels={marks.ORDER_REVISION: str(given.revision)},
        )
        status = replace(view.workload.status, updated_replicas=updated)
        workload = replace(view.workload, metadata=metadata, status=status, spec=replace(own, paused=True))
        return replace(view, workload=workload, template_digest="v1")

    told = world.native.told("v1")
    assert told < 10
    for waits in (stopped(behind=1, updated=told), stopped(behind=0, updated=told + 1)):
        decision = release.decide(given, waits, ReleaseMemory(), NOW_S)
        assert not decision.actions
        assert decision.until_s is not None
        assert decision.until_s <= NOW_S + turning.COUNTS_AGAIN_S
    (back,) = release.decide(given, stopped(behind=0, updated=told), ReleaseMemory(), NOW_S).actions
    assert isinstance(back, Patch)
    assert back.body["spec"]["paused"] is None
    assert back.body["metadata"]["annotations"][marks.ROLLOUT] is None
