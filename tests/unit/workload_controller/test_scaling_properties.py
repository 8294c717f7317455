"""Somebody changes `replicas` while a batch is held: where the hold keeps to the step by itself, and where it can't.

docs/deployment-hold.md tells people what these properties say.
"""

import math

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.held_world import HeldWorld
from support.native_deployment import NativeDeployment

from tidegate_contracts.orders import Target
from tidegate_workload_controller.batch import target_pods

SCALES = st.one_of(st.sampled_from([1, 2, 3, 5, 7, 10, 99]), st.integers(2, 40), st.integers(100, 200))
PERCENTS = st.integers(1, 99)
LIMITS = st.sampled_from([("25%", "25%"), (1, 0), (0, 1), ("100%", 0), (3, "10%")])


@st.composite
def whole_batches(draw: st.DrawFn) -> tuple[int, int]:
    """Replicas and a percentage of them that is a whole number of pods."""
    percent = draw(PERCENTS)
    smallest = 100 // math.gcd(percent, 100)
    return draw(st.integers(1, 200 // smallest)) * smallest, percent


def held(replicas: int, percent: int, limits: tuple[int | str, int | str], **more: bool | int) -> HeldWorld:
    world = HeldWorld(NativeDeployment(replicas, surge=limits[0], unavailable=limits[1]))
    world.apply(world.order(Target(percent=percent), **more))
    return world


def ceiling(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


@settings(max_examples=150, deadline=None)
@given(whole_batches(), LIMITS, st.integers(1, 220))
def test_a_whole_batch_stays_within_its_step_at_any_scale_though_nobody_of_us_lives(
    batch: tuple[int, int], limits: tuple[int | str, int | str], scaled: int
) -> None:
    replicas, percent = batch
    world = held(replicas, percent, limits)
    world.scale(scaled)
    world.natively()
    # Scaled down to very few, proportional scaling may round the last stable pod away: then it is the share alone.
    assert world.native.told("v2") <= min(ceiling(percent * scaled, 100), scaled)
    assert world.native.total == scaled


@settings(max_examples=150, deadline=None)
@given(SCALES, PERCENTS, LIMITS, st.integers(1, 220))
def test_a_batch_that_was_rounded_up_keeps_its_share_at_most(
    replicas: int, percent: int, limits: tuple[int | str, int | str], scaled: int
) -> None:
    world = held(replicas, percent, limits)
    new = world.native.told("v2")
    world.scale(scaled)
    world.natively()
    assert world.native.told("v2") <= max(target_pods(Target(percent=percent), scaled), ceiling(new * scaled, replicas))


@settings(max_examples=150, deadline=None)
@given(SCALES, PERCENTS, LIMITS, st.integers(1, 220))
def test_a_batch_whose_stable_pods_stay_for_traffic_keeps_its_share_or_its_pods_at_most(
    replicas: int, percent: int, limits: tuple[int | str, int | str], scaled: int
) -> None:
    assume(replicas > 1 or limits[0] != 0)
    world = held(replicas, percent, limits, settle=False, stable_minimum=1)
    new = world.native.told("v2")
    world.scale(scaled)
    world.natively()
    share = max(target_pods(Target(percent=percent), scaled), ceiling(new * scaled, replicas))
    assert world.native.told("v2") <= (max(share, new) if scaled < replicas else share)


@settings(max_examples=100, deadline=None)
@given(SCALES, PERCENTS, LIMITS, st.lists(st.integers(1, 220), min_size=1, max_size=3))
def test_a_living_controller_takes_the_batch_to_the_target_of_the_new_scale(
    replicas: int, percent: int, limits: tuple[int | str, int | str], scales: list[int]
) -> None:
    world = held(replicas, percent, limits)
    for scaled in scales:
        native = max(world.native.told("v2") * scaled // replicas + 1, 1)
        world.scale(scaled)
        ready = world.apply(world.order(Target(percent=percent)))
        wanted = target_pods(Target(percent=percent), scaled)
        assert wanted <= world.native.told("v2") <= max(wanted, native)
        assert ready.target_pods == wanted
        assert world.native.total == scaled
        replicas = scaled
