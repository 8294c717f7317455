"""Which batch a new pod is of, whoever was lost, added or stripped of its labels."""

from collections import Counter
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_contracts.orders import ApplyBatch, Target
from tidegate_contracts.workload import WorkloadReference
from tidegate_workload_controller import marks
from tidegate_workload_controller.batch import rounded_up, target_pods
from tidegate_workload_controller.batches import carried, places, unassigned
from tidegate_workload_controller.seen import Condition, Pod, PodStatus

PLACED: Final = PodStatus(phase="Pending", conditions=(Condition(type="PodScheduled", status="True"),))
PERCENTS: Final = st.lists(st.integers(1, 100), min_size=1, max_size=8, unique=True).map(sorted)


def order(*percents: int, rollout: str = "r1") -> ApplyBatch:
    targets = tuple(Target(percent=each) for each in percents)
    return ApplyBatch(
        rollout=rollout,
        revision=1,
        workload=WorkloadReference(kind="Deployment", namespace="shop", name="web"),
        step=len(targets),
        batch=len(targets),
        change=None,
        target=targets[-1],
        earlier=targets[:-1],
        template_digest="d",
        stable_revision="v1",
    )


def pod(name: str, batch: int | str | None = None, rollout: str = "r1") -> Pod:
    labels = {} if batch is None else {marks.POD_ROLLOUT_ID: rollout, marks.POD_BATCH: str(batch)}
    return Pod(metadata=ObjectMeta(name=name, uid=name, labels=labels), status=PLACED)


def labelled(pods: list[Pod], asked: ApplyBatch, replicas: int) -> list[Pod]:
    """The pods once all labels are on them."""
    there_are = places(asked, replicas, rounded_up(asked.target, replicas), rounded_up)
    found = {each.metadata.name: batch for each, batch in unassigned(pods, asked, there_are, {})}
    return [pod(each.metadata.name, found.get(each.metadata.name) or carried(each, asked)) for each in pods]


def batches_of(pods: list[Pod], asked: ApplyBatch) -> Counter[int | None]:
    return Counter(carried(each, asked) for each in pods)


@given(percents=PERCENTS, replicas=st.integers(1, 200), data=st.data())
def test_each_batch_has_the_pods_that_its_step_added_whichever_are_lost(
    percents: list[int], replicas: int, data: st.DataObject
) -> None:
    pods: list[Pod] = []
    for number in range(1, len(percents) + 1):
        asked = order(*percents[:number])
        goal = rounded_up(asked.target, replicas)
        lost = data.draw(st.sets(st.sampled_from(range(len(pods)))) if pods else st.just(set()))
        kept = [each for place, each in enumerate(pods) if place not in lost]
        fresh = [pod(f"{number}-{place}") for place in range(goal - len(kept))]
        pods = labelled(kept + fresh, asked, replicas)
        sizes = [
            after - before
            for before, after in pairwise(
                [0, *(rounded_up(Target(percent=each), replicas) for each in percents[:number])]
            )
        ]
        assert batches_of(pods, asked) == Counter({batch: size for batch, size in enumerate(sizes, 1) if size})


def test_pods_that_a_new_scale_adds_are_of_the_last_batch_with_a_free_place() -> None:
    asked = order(20, 40)
    pods = labelled([*(pod(f"a{each}", 1) for each in range(2)), *(pod(f"b{each}", 2) for each in range(2))], asked, 10)
    more = labelled([*pods, *(pod(f"c{each}") for each in range(4))], asked, 20)
    assert batches_of(more, asked) == {1: 4, 2: 4}


def test_a_pod_too_many_is_of_the_present_batch() -> None:
    asked = order(20, 40)
    pods = [pod("a", 1), pod("b", 2), pod("beyond")]
    assert batches_of(labelled(pods, asked, 5), asked) == {1: 1, 2: 2}


@pytest.mark.parametrize("said", ["3", "0", "-1", "01", "x", ""])
def test_a_number_that_no_batch_has_had_is_none(said: str) -> None:
    asked = order(20, 40)
    assert carried(pod("a", said), asked) is None
    assert batches_of(labelled([pod("a", 1), pod("b", said)], asked, 5), asked) == {1: 1, 2: 1}


def test_a_label_of_another_rollout_is_none() -> None:
    assert carried(pod("a", 1, rollout="r0"), order(20)) is None


def test_a_label_on_its_way_holds_its_place() -> None:
    asked = order(50, 100)
    there_are = places(asked, 2, 2, rounded_up)
    first, second = pod("a"), pod("b")
    ((_, batch),) = unassigned([first], asked, there_are, {})
    assert batch == 2
    assert unassigned([first, second], asked, there_are, {"a": batch}) == [(second, 1)]


def test_the_pod_that_a_deployment_keeps_back_is_of_the_last_batch() -> None:
    asked = order(99, 100)
    assert places(asked, 10, 10, target_pods) == {1: 9, 2: 1}


def test_an_order_that_knows_no_earlier_batch_leaves_their_pods_alone() -> None:
    asked = order(20, 40, 60)
    alone = ApplyBatch(**{each: getattr(asked, each) for each in asked.__struct_fields__} | {"earlier": ()})
    there_are = places(alone, 5, 3, rounded_up)
    assert unassigned([pod("a", 1), pod("b", 2), new := pod("c")], alone, there_are, {}) == [(new, 3)]
