"""For any scale, any step and any limits of the user's: exact, reachable, never above, and nobody missed."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.held_world import HeldWorld
from support.native_deployment import NativeDeployment

from tidegate_contracts.orders import Target
from tidegate_workload_controller.batch import target_pods

SCALES = st.one_of(st.sampled_from([1, 2, 3, 5, 10, 99]), st.integers(1, 40), st.integers(100, 200))
PERCENTS = st.integers(1, 100)
TARGETS = st.one_of(
    PERCENTS.map(lambda each: Target(percent=each)), st.integers(1, 60).map(lambda each: Target(count=each))
)
AMOUNTS = st.one_of(st.integers(0, 12), st.integers(0, 100).map(lambda each: f"{each}%"))
LIMITS = st.tuples(AMOUNTS, AMOUNTS).filter(lambda pair: any(each not in {0, "0%"} for each in pair))


class Watch:
    """Asserts at every moment what a held Deployment promises."""

    def __init__(self, native: NativeDeployment) -> None:
        self.room = native.budget.room(native.replicas)
        self.most_new = 0
        self.before = 0

    def __call__(self, native: NativeDeployment) -> None:
        new = native.told("v2")
        assert new <= self.most_new, f"{new} new pods, approved are {self.most_new}"
        assert new >= self.before, "new pods went away"
        self.before = new
        assert native.total <= native.replicas + self.room.surge
        assert native.ready >= native.replicas - self.room.unavailable


@settings(max_examples=300, deadline=None)
@given(SCALES, TARGETS, LIMITS)
def test_a_settled_batch_is_exactly_its_target(
    replicas: int, target: Target, limits: tuple[int | str, int | str]
) -> None:
    native = NativeDeployment(replicas, surge=limits[0], unavailable=limits[1])
    watch = Watch(native)
    watch.most_new = target_pods(target, replicas)
    ready = HeldWorld(native, watch).apply(order := HeldWorld(native).order(target))
    assert order.settle
    assert ready.settled
    assert (native.told("v2"), native.total) == (watch.most_new, replicas)
    assert ready.counts.updated_ready == ready.target_pods == watch.most_new


@settings(max_examples=150, deadline=None)
@given(SCALES, st.lists(st.integers(1, 99), min_size=1, max_size=4), LIMITS, st.booleans())
def test_rising_steps_are_each_exact_and_end_with_the_users_own_strategy(
    replicas: int, percents: list[int], limits: tuple[int | str, int | str], with_traffic: bool
) -> None:
    native = NativeDeployment(replicas, surge=limits[0], unavailable=limits[1])
    watch = Watch(native)
    assume(replicas > 1 or watch.room.surge > 0 or not with_traffic)
    world = HeldWorld(native, watch)
    own = dict(world.written.strategy)
    for step, percent in enumerate([*sorted(percents), 100], start=1):
        target = Target(percent=percent)
        watch.most_new = target_pods(target, replicas)
        if with_traffic:
            raised = world.apply(world.order(target, step=step, settle=False, stable_minimum=1))
            assert raised.counts.stable >= 1
            assert raised.target_pods >= watch.most_new - (0 if watch.room.surge else 1)
        stays = 1 if with_traffic and percent < 100 else 0
        ready = world.apply(world.order(target, step=step, stable_minimum=stays))
        assert ready.settled
        assert ready.target_pods == native.told("v2") == watch.most_new
        assert native.told("v1") == max(replicas - watch.most_new, stays)
    assert native.told("v1") == 0
    assert own == world.written.strategy or world.written.native.held


@pytest.mark.parametrize(
    ("percent", "replicas", "pods"),
    [
        (20, 10, 2),
        (1, 10, 1),
        (99, 10, 9),
        (100, 10, 10),
        (20, 7, 2),
        (50, 1, 1),
        (99, 101, 100),
        (1, 150, 2),
        (33, 3, 1),
        (10, 0, 0),
    ],
)
def test_a_percentage_rounds_up_and_leaves_one_stable_pod(percent: int, replicas: int, pods: int) -> None:
    assert target_pods(Target(percent=percent), replicas) == pods


def test_a_count_is_never_more_than_there_are_replicas() -> None:
    assert target_pods(Target(count=7), 5) == 5
