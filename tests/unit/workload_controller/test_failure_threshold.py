"""Pods of a batch that may be unready: the batch is ready without them, and nothing healthy is missed for them."""

import pytest
from support.held_world import HeldWorld
from support.native_deployment import NativeDeployment

from tidegate_contracts.orders import Target
from tidegate_workload_controller.batch import least_ready

TWENTY = Target(percent=20)


class OneNeverReady(HeldWorld):
    """The first pod of v2 stays unready."""

    def _get_ready(self) -> bool:
        waiting = False
        for each in self.native.sets.values():
            never = min(each.pods, default=None) if each.revision == "v2" else None
            for number, ready in each.pods.items():
                if not ready and number != never:
                    each.pods[number] = waiting = True
        return waiting


@pytest.mark.parametrize(
    ("threshold", "goal", "expected"),
    [
        (None, 5, 5),
        (Target(count=0), 5, 5),
        (Target(count=2), 5, 3),
        (Target(percent=20), 5, 4),
        (Target(percent=10), 5, 4),
        (Target(percent=100), 5, 1),
        (Target(count=9), 5, 1),
        (Target(count=1), 0, 0),
    ],
)
def test_a_percentage_is_rounded_up_and_one_pod_is_always_ready(
    threshold: Target | None, goal: int, expected: int
) -> None:
    order = HeldWorld(NativeDeployment(10)).order(TWENTY, failure_threshold=threshold)
    assert least_ready(order, goal) == expected


@pytest.mark.parametrize("percent", [20, 60, 100])
@pytest.mark.parametrize(("surge", "unavailable"), [("25%", "25%"), (0, 2), (3, 0)])
def test_a_batch_is_ready_and_settled_without_the_pod_that_may_fail(
    percent: int, surge: int | str, unavailable: int | str
) -> None:
    native = NativeDeployment(10, surge=surge, unavailable=unavailable)
    missing = native.budget.room(10).unavailable if unavailable else 0
    lowest = [10]

    def check(seen: NativeDeployment) -> None:
        lowest.append(seen.ready)

    world = OneNeverReady(native, check)
    fact = world.apply(world.order(Target(percent=percent), failure_threshold=Target(count=1)))
    assert fact.settled
    assert fact.target_pods == percent // 10
    assert (fact.counts.updated, fact.counts.updated_ready) == (percent // 10, percent // 10 - 1)
    assert min(lowest) >= 10 - missing


def test_more_failed_pods_than_may_be_are_waited_for() -> None:
    world = OneNeverReady(NativeDeployment(10))
    with pytest.raises(AssertionError, match="never ready"):
        world.apply(world.order(TWENTY))
