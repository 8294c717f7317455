"""What is written into a workload and what is read back from it: budgets, saved values, patches, authors."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.held_world import HeldWorld
from support.native_deployment import HOLD, NativeDeployment

from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_chassis.kubernetes.ownership import ManagedFields
from tidegate_contracts.orders import Target
from tidegate_workload_controller import marks, patches
from tidegate_workload_controller.authors import last_author
from tidegate_workload_controller.budget_hold import BudgetHold
from tidegate_workload_controller.budgets import Budget, Room, at_rest, budget_of, express
from tidegate_workload_controller.hold import own_values
from tidegate_workload_controller.kinds.reading import written
from tidegate_workload_controller.marks import SAVED_STRATEGY
from tidegate_workload_controller.partition_hold import PartitionHold
from tidegate_workload_controller.partitions import Counted
from tidegate_workload_controller.patches import operations
from tidegate_workload_controller.saved import Saved, encode, saved_on
from tidegate_workload_controller.seen import LabelExpression, LabelSelector, Workload, WorkloadSpec


@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 300), st.integers(1, 100))
def test_what_is_expressed_means_exactly_what_was_meant(
    replicas: int, surge: int, unavailable: int, percent: int
) -> None:
    surge, unavailable = min(surge, replicas), min(unavailable, replicas)
    if surge or unavailable:
        budget = express(Room(surge, unavailable), replicas, Target(percent=percent), removed=0)
        assert budget.room(replicas) == Room(surge, unavailable)


@pytest.mark.parametrize(
    ("room", "replicas", "percent", "expected"),
    [
        (Room(2, 0), 10, 20, Budget("11%", 0)),
        (Room(0, 2), 10, 20, Budget(0, "20%")),
        (Room(0, 2), 7, 20, Budget(0, "29%")),
        (Room(0, 1), 10, 5, Budget(0, "5%")),
        (Room(1, 0), 150, 1, Budget(1, 0)),
    ],
    ids=["surge", "the step's own", "rounded up", "rounded to nothing natively", "no such percentage"],
)
def test_a_percentage_is_written_wherever_one_says_it(
    room: Room, replicas: int, percent: int, expected: Budget
) -> None:
    budget = express(room, replicas, Target(percent=percent), removed=0)
    assert budget.room(replicas) == room
    assert budget.unavailable == expected.unavailable
    if replicas < 100:
        assert budget == expected


def test_at_rest_the_steps_own_percentage_stands() -> None:
    assert at_rest(Room(0, 2), 2, 7, Target(percent=20)) == Budget(0, "20%")
    assert at_rest(Room(0, 9), 10, 10, Target(percent=100)) == Budget(0, "90%")
    assert at_rest(Room(0, 3), 3, 7, Target(count=3)) == Budget(0, 3)


def test_two_zeros_are_one_to_the_native_controller() -> None:
    assert Budget(0, "5%").room(10) == Room(0, 1)
    assert Budget("25%", "25%").room(1) == Room(1, 0)


@pytest.mark.parametrize(
    "spec",
    [
        WorkloadSpec(strategy={"type": "Recreate"}, progress_deadline_seconds=600),
        WorkloadSpec(
            strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": "10%"}},
            min_ready_seconds=7,
            progress_deadline_seconds=60,
            paused=True,
        ),
    ],
    ids=["recreate", "everything"],
)
def test_what_is_saved_is_what_is_given_back(spec: WorkloadSpec) -> None:
    saved = BudgetHold().save(Workload(spec=spec))
    mark = {"tidegate.io/saved-strategy": encode(saved)}
    assert saved_on(Workload(metadata=ObjectMeta(annotations=mark))) == saved
    assert BudgetHold().own(saved) == {
        "strategy": spec.strategy,
        "minReadySeconds": spec.min_ready_seconds,
        "progressDeadlineSeconds": spec.progress_deadline_seconds,
        "paused": spec.paused,
    }


def test_an_unreadable_mark_is_none() -> None:
    mark = {"tidegate.io/saved-strategy": '{"minReadySeconds": "soon"}'}
    assert saved_on(Workload(metadata=ObjectMeta(annotations=mark))) is None


def test_a_recreating_workload_is_moved_by_quarters() -> None:
    assert budget_of({"type": "Recreate"}).room(10) == Room(3, 2)


def test_a_patch_is_tied_to_what_was_seen_and_removes_only_what_is_there() -> None:
    metadata = ObjectMeta(uid="u", generation=4, annotations={"tidegate.io/rollout": "r1"})
    body: dict[str, Any] = {
        "metadata": {"annotations": {"tidegate.io/rollout": None, "tidegate.io/style": None}},
        "spec": {"minReadySeconds": None, "paused": None, "progressDeadlineSeconds": None, "strategy": {"type": "x"}},
    }
    assert operations(body, Workload(metadata=metadata)) == [
        {"op": "test", "path": "/metadata/uid", "value": "u"},
        {"op": "test", "path": "/metadata/generation", "value": 4},
        {"op": "remove", "path": "/metadata/annotations/tidegate.io~1rollout"},
        {"op": "add", "path": "/spec/minReadySeconds", "value": 0},
        {"op": "add", "path": "/spec/paused", "value": False},
        {"op": "remove", "path": "/spec/progressDeadlineSeconds"},
        {"op": "add", "path": "/spec/strategy", "value": {"type": "x"}},
    ]


def test_a_patch_passes_no_fence_that_was_not_seen_and_puts_its_own_in_a_label() -> None:
    """In an annotation the Deployment controller would copy it to the new ReplicaSet, step by step."""
    fence = "/metadata/labels/tidegate.io~1order-revision"
    order = HeldWorld(NativeDeployment(10)).order(Target(percent=20))
    body = patches.held(HOLD, replace(order, revision=8), Saved(), "v1", Budget("20%", 0))
    assert marks.ORDER_REVISION not in body["metadata"]["annotations"]
    seen = Workload(metadata=ObjectMeta(uid="u", generation=4, labels={marks.ORDER_REVISION: "7"}))
    written = operations(body, seen)
    assert written[2] == {"op": "test", "path": fence, "value": "7"}
    assert {"op": "add", "path": fence, "value": "8"} in written
    assert {"op": "remove", "path": fence} in operations(patches.given_back(HOLD, Saved()), seen)


def test_annotations_are_made_where_there_were_none() -> None:
    body: dict[str, Any] = {"metadata": {"annotations": {"a": "1"}}, "spec": {}}
    assert operations(body, Workload())[2:] == [
        {"op": "add", "path": "/metadata/annotations", "value": {}},
        {"op": "add", "path": "/metadata/annotations/a", "value": "1"},
    ]


def test_the_author_is_the_last_other_one_that_wrote_what_counts() -> None:
    template: dict[str, Any] = {"f:spec": {"f:template": {}}}
    entries = (
        ManagedFields(manager="tidegate-workload-controller", time="2026-01-03", fields_v1=template),
        ManagedFields(manager="argocd", time="2026-01-01", fields_v1=template),
        ManagedFields(manager="kubectl-edit", time="2026-01-02", fields_v1=template),
        ManagedFields(manager="hpa", time="2026-01-04", fields_v1={"f:spec": {"f:replicas": {}}}),
    )
    assert last_author(entries) == "kubectl-edit"
    assert last_author(entries[3:]) == ""


def test_a_selector_is_written_as_the_api_takes_it() -> None:
    selector = LabelSelector(
        match_labels={"app": "web"},
        match_expressions=(
            LabelExpression(key="tier", operator="In", values=("a", "b")),
            LabelExpression(key="old", operator="DoesNotExist"),
            LabelExpression(key="new", operator="Exists"),
            LabelExpression(key="zone", operator="NotIn", values=("c",)),
        ),
    )
    assert written(selector) == "app=web,tier in (a,b),!old,new,zone notin (c)"


@pytest.mark.parametrize(("strategy", "removed"), [({"newPods": 2}, True), ({}, False)])
def test_a_custom_resources_strategy_is_removed_only_where_it_stands(strategy: dict[str, Any], removed: bool) -> None:
    body = {"metadata": {"annotations": {}}, "spec": {"updateStrategy": None}}
    workload = Workload(metadata=ObjectMeta(annotations={"a": "b"}), spec=WorkloadSpec(update_strategy=strategy))
    sent = {"op": "remove", "path": "/spec/updateStrategy"} in operations(body, workload)
    assert sent == removed


def test_a_workload_that_had_none_of_the_fields_is_told_from_one_that_is_only_marked() -> None:
    """A custom resource without a strategy is held; a workload beside which new pods come has its own values on it."""
    for saved in (Saved(), Saved(nothing=True)):
        held = Workload(
            metadata=ObjectMeta(annotations={SAVED_STRATEGY: encode(saved)}),
            spec=WorkloadSpec(update_strategy={"newPods": 2}),
        )
        own = own_values(PartitionHold(Counted(), nested=False), held)
        assert own.update_strategy == ({"newPods": 2} if saved.nothing else {})
