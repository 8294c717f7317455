"""Going back in batches: exact at every step, nobody missed, and told in the order's own terms."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.held_world import HeldWorld
from support.native_deployment import NativeDeployment

from tidegate_contracts.facts import BatchReady, BatchStalled, WorkloadChanged
from tidegate_contracts.orders import ApplyBatch, Target
from tidegate_workload_controller import marks, turning
from tidegate_workload_controller.actions import Patch, PutBack, Report
from tidegate_workload_controller.backwards import decide
from tidegate_workload_controller.batch import target_pods
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.seen import View

SCALES = st.one_of(st.sampled_from([1, 2, 3, 5, 10, 99]), st.integers(1, 40), st.integers(100, 200))
AMOUNTS = st.one_of(st.integers(0, 12), st.integers(0, 100).map(lambda each: f"{each}%"))
LIMITS = st.tuples(AMOUNTS, AMOUNTS).filter(lambda pair: any(each not in {0, "0%"} for each in pair))
NOW_S = 9_000.0


class Watch:
    """Asserts at every moment what going back promises."""

    def __init__(self, native: NativeDeployment) -> None:
        self.room = native.budget.room(native.replicas)
        self.back = False
        self.before = native.replicas

    def __call__(self, native: NativeDeployment) -> None:
        assert native.ready >= native.replicas - self.room.unavailable
        if self.back:
            assert native.told("v2") <= self.before, "pods of the new version came"
            self.before = native.told("v2")


def forward(replicas: int, *percents: int) -> tuple[HeldWorld, ApplyBatch]:
    world = HeldWorld(NativeDeployment(replicas))
    for step, percent in enumerate(percents, start=1):
        world.apply(world.order(Target(percent=percent), step=step))
    return world, world.order(Target(percent=percents[-2]), step=len(percents) - 1, going_back=True)


@settings(max_examples=150, deadline=None)
@given(SCALES, st.lists(st.integers(1, 100), min_size=1, max_size=4), LIMITS)
def test_each_step_back_is_exact_and_nobody_is_missed(
    replicas: int, percents: list[int], limits: tuple[int | str, int | str]
) -> None:
    native = NativeDeployment(replicas, surge=limits[0], unavailable=limits[1])
    watch = Watch(native)
    world = HeldWorld(native, watch)
    targets = [Target(percent=percent) for percent in sorted(percents)]
    for step, target in enumerate(targets, start=1):
        world.apply(world.order(target, step=step))
    watch.back, watch.before = True, native.told("v2")
    for step, target in reversed(list(enumerate(targets, start=1))):
        ready = world.apply(world.order(target, step=step, going_back=True))
        stays = target_pods(target, replicas)
        assert (native.told("v2"), native.total) == (stays, replicas)
        assert (ready.target_pods, ready.canary_revision, ready.settled) == (stays, "v2", True)
        assert (ready.counts.updated, ready.counts.stable_ready) == (stays, replicas - stays)


def test_the_stable_template_and_the_hold_come_in_one_patch() -> None:
    world, order = forward(10, 20, 60)
    cached = decide(order, replace(world.view(), live=False), Memory(), NOW_S)
    assert cached.look_live
    assert not cached.actions
    (put_back,) = decide(order, world.view(), Memory(), NOW_S).actions
    assert isinstance(put_back, PutBack)
    assert put_back.revision == "v1"
    metadata = put_back.body["metadata"]
    assert metadata["annotations"][marks.STABLE_REVISION] == "v1"
    assert metadata["labels"] == {marks.ORDER_REVISION: str(order.revision)}
    assert put_back.body["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 3, "maxUnavailable": 1}


def test_pods_that_still_count_as_available_are_no_reason_to_let_others_go() -> None:
    """As long as the native controller has not taken the hold in, it would let one go for each of them."""
    world, order = forward(10, 20, 60)

    def view(available: int) -> View:
        seen = world.view()
        revisions = tuple(replace(each, available=available if each.name == "v1" else 0) for each in seen.revisions)
        return replace(seen, revisions=revisions)

    turned = decide(order, view(4), Memory(), NOW_S)
    (put_back,) = turned.actions
    assert isinstance(put_back, PutBack)
    assert put_back.body["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 3, "maxUnavailable": 1}
    world._act(turned)
    world.native.until_still()
    world.native.ready_all()
    assert not decide(order, view(4), turned.memory, NOW_S).actions
    (patch,) = decide(order, view(0), turned.memory, NOW_S).actions
    assert isinstance(patch, Patch)


def test_in_the_midst_of_a_batch_it_waits_for_counts_that_are_true_and_says_so_at_the_deadline() -> None:
    world, order = forward(10, 20, 60)
    view = world.view()
    older = replace(view.workload.status, available_replicas=5)
    lagging = replace(view, workload=replace(view.workload, status=older))
    waiting = decide(order, lagging, Memory(), NOW_S)
    assert not waiting.actions
    (report,) = decide(order, lagging, waiting.memory, NOW_S + order.progress_deadline_s).actions
    assert isinstance(report, Report)
    assert isinstance(report.fact, BatchStalled)
    assert turning.COUNTED in report.fact.reason
    assert (report.fact.counts.updated, report.fact.counts.stable) == (6, 4)


def test_a_copy_that_knows_nothing_goes_on_where_the_last_one_was() -> None:
    world, order = forward(10, 20, 60)
    decision = decide(order, world.view(), Memory(), NOW_S)
    world._act(decision)
    world.native.until_still()
    again = decide(order, world.view(), Memory(), NOW_S)
    assert not [action for action in again.actions if isinstance(action, PutBack | Report)]


def test_pods_that_do_not_come_back_stall_it_and_are_counted_as_stable_ones() -> None:
    world, order = forward(10, 20, 60)
    order = replace(order, progress_deadline_s=5.0)
    memory = Memory()
    for now_s in (NOW_S, NOW_S + 1.0, NOW_S + 7.0):
        decision = decide(order, world.view(), memory, now_s)
        memory = decision.memory
        world._act(decision)
        world.native.until_still()
    (fact,) = [each for each in world.facts if isinstance(each, BatchStalled)]
    assert fact.counts is not None
    assert (fact.counts.updated, fact.counts.stable, fact.counts.stable_ready) == (6, 7, 4)


def test_while_there_are_no_pods_there_is_nothing_to_bring_back() -> None:
    world, order = forward(10, 20, 60)
    world.scale(0)
    world.natively()
    ready = world.apply(order)
    assert (ready.target_pods, ready.counts.replicas) == (0, 0)
    world.scale(10)
    world.natively()
    assert world.native.told("v2") == 0


def test_without_the_stable_revision_it_says_so_once_and_waits() -> None:
    world, order = forward(10, 20, 60)
    view = replace(world.view(), digests={"v2": "v2"})
    decision = decide(order, view, Memory(), NOW_S)
    (report,) = decision.actions
    assert isinstance(report, Report)
    assert isinstance(report.fact, WorkloadChanged)
    assert report.fact.what == "revision v1, which is to come back, is gone"
    assert not decide(order, view, decision.memory, NOW_S).actions


def test_somebody_elses_template_is_left_alone() -> None:
    world, order = forward(10, 20, 60)
    view = replace(world.view(), template_digest="by hand")
    decision = decide(order, view, Memory(), NOW_S)
    (report,) = decision.actions
    assert isinstance(report, Report)
    assert isinstance(report.fact, WorkloadChanged)
    assert not isinstance(report.fact, BatchReady)
