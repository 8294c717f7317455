"""The style blue_green on the model of the native controllers: every stable pod stays, whatever happens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.held_world import HeldWorld
from support.native_deployment import NativeDeployment

from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_contracts.orders import ApplyBatch, Target
from tidegate_workload_controller.blue_green_hold import BlueGreenHold
from tidegate_workload_controller.budgets import Budget
from tidegate_workload_controller.saved import Saved
from tidegate_workload_controller.seen import Workload

LIMITS: list[tuple[int | str, int | str]] = [("25%", "25%"), (0, 1)]


class BlueGreenWorld(HeldWorld):
    hold = BlueGreenHold()

    def order(self, target: Target, **more: object) -> ApplyBatch:
        return super().order(target, style="blue_green", **more)


def world(replicas: int, surge: int | str = "25%", unavailable: int | str = "25%") -> BlueGreenWorld:
    made = BlueGreenWorld(NativeDeployment(replicas, surge=surge, unavailable=unavailable))

    def check(native: NativeDeployment) -> None:
        assert native.sets["v1"].ready >= min(native.replicas, replicas), "a stable pod went"

    made.check = check
    return made


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40), st.lists(st.integers(1, 100), min_size=1, max_size=4), st.sampled_from([("25%", "25%"), (0, 1)])
)
def test_new_pods_are_the_steps_share_on_top(
    replicas: int, percents: list[int], limits: tuple[int | str, int | str]
) -> None:
    made = world(replicas, *limits)
    highest = 0
    for step, percent in enumerate(percents, start=1):
        fact = made.apply(made.order(Target(percent=percent), step=step))
        assert fact.settled
        assert fact.target_pods == -(-percent * replicas // 100)
        highest = max(highest, fact.target_pods)
        assert (made.native.told("v1"), made.native.told("v2")) == (replicas, highest)


@pytest.mark.parametrize(("scaled", "pods"), [(20, 8), (5, 2), (1, 1), (11, 5)])
def test_the_share_follows_the_scale_though_nobody_of_us_lives(scaled: int, pods: int) -> None:
    made = world(10)
    made.apply(made.order(Target(percent=40)))
    made.scale(scaled)
    made.natively()
    assert made.native.told("v1") == scaled
    assert made.native.told("v2") in {pods, pods - 1}
    made.check = lambda _: None
    made.apply(made.order(Target(percent=40), step=2))
    assert (made.native.told("v1"), made.native.told("v2")) == (scaled, pods)


def test_after_a_jump_back_the_stable_pods_still_follow_the_scale() -> None:
    made = world(10)
    made.apply(made.order(Target(percent=60)))
    made.apply(made.order(Target(percent=20), step=2))
    made.scale(20)
    made.natively()
    assert made.native.told("v1") == 20


def test_a_count_stays_a_count() -> None:
    made = world(10)
    assert made.apply(made.order(Target(count=3))).target_pods == 3
    assert made.written.strategy["rollingUpdate"] == {"maxSurge": 3, "maxUnavailable": 0}


def test_even_a_step_to_all_pods_is_parked_when_there_are_none() -> None:
    made = world(4)
    made.check = lambda _: None
    made.apply(made.order(Target(percent=100)))
    made.scale(0)
    assert made.apply(made.order(Target(percent=100), step=2)).target_pods == 0
    assert made.native.revision == "v1"
    made.scale(4)
    made.apply(made.order(Target(percent=100), step=3))
    assert (made.native.told("v1"), made.native.told("v2")) == (4, 4)


def test_there_is_always_a_surge() -> None:
    hold = BlueGreenHold()
    workload = Workload(metadata=ObjectMeta(name="web"))
    assert hold.surges(workload, Saved(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}))
    assert hold.fields(Budget("20%", 0), Saved())["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_the_promotion_leaves_room_for_both_versions_and_is_as_patient_as_its_user() -> None:
    saved = Saved(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "10%"}})
    moving = BlueGreenHold().moving(saved)
    assert moving["strategy"]["rollingUpdate"] == {"maxSurge": "100%", "maxUnavailable": "10%"}
    assert BlueGreenHold().own(saved)["strategy"] == saved.strategy
