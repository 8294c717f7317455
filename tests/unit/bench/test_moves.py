"""What the native controllers are told by hand, as the floors of the bench, and when they have done it."""

import json
from typing import Any

import pytest

from tidegate_bench.following import Native, empty, whole
from tidegate_bench.moves import STEP_PODS, at_rest, is_beside, moves
from tidegate_bench.workloads import PODS, VARIANTS, Variant
from tidegate_chassis.kubernetes.objects import ObjectMeta, decode

TEMPLATE = {"spec": {}}
INSIDE = [variant for variant in VARIANTS if not is_beside(variant)]


def _native(wanted: int | None = 10, /, **status: int) -> Native:
    spec = {} if wanted is None else {"replicas": wanted}
    whole = {"metadata": {"name": "web", "generation": 2}, "spec": spec, "status": status}
    return decode(json.dumps(whole).encode(), Native)


def _named(label: str) -> Variant:
    return next(variant for variant in VARIANTS if variant.label == label)


@pytest.mark.parametrize("variant", INSIDE, ids=lambda variant: variant.label)
def test_only_the_first_move_has_the_template(variant: Variant) -> None:
    first, *others = moves(variant, TEMPLATE)
    assert first.spec["template"] is TEMPLATE
    assert not [move for move in others if "template" in move.spec]


@pytest.mark.parametrize(
    ("label", "path"),
    [
        ("clone-set partition", ("updateStrategy", "partition")),
        ("stateful-set partition", ("updateStrategy", "rollingUpdate", "partition")),
        ("advanced-stateful-set partition", ("updateStrategy", "rollingUpdate", "partition")),
        ("advanced-daemon-set partition", ("updateStrategy", "rollingUpdate", "partition")),
        ("deployment blue_green", ("strategy", "rollingUpdate", "maxSurge")),
        ("deployment partition", ("strategy", "rollingUpdate", "maxUnavailable")),
    ],
)
def test_each_step_goes_as_far_as_the_rollouts_own(label: str, path: tuple[str, ...]) -> None:
    told: list[Any] = []
    for move in moves(_named(label), TEMPLATE):
        value: Any = move.spec
        for name in path:
            value = value[name]
        told.append(value)
    held_back = [PODS - pods for pods in STEP_PODS]
    own = {"deployment blue_green": [*STEP_PODS, "25%"], "deployment partition": [*STEP_PODS[:-1], "25%"]}
    assert told == own.get(label, held_back)


def test_a_daemon_set_that_knows_no_partition_is_updated_in_one_move() -> None:
    (move,) = moves(_named("daemon-set partition"), TEMPLATE)
    assert move.done is whole


def test_a_step_is_done_when_the_controller_has_seen_it_and_all_its_pods_are_ready() -> None:
    done = at_rest(2, 10)
    there = {"updatedReplicas": 2, "readyReplicas": 10, "replicas": 10}
    assert done(_native(observedGeneration=2, **there))
    assert not done(None)
    assert not done(_native(observedGeneration=1, **there))
    assert not done(_native(observedGeneration=2, **there | {"readyReplicas": 9}))
    assert not done(_native(observedGeneration=2, **there | {"updatedReplicas": 1}))
    assert not done(_native(observedGeneration=2, **there | {"replicas": 11}))


def test_a_workload_with_a_pod_a_node_is_whole_by_its_own_numbers() -> None:
    status = {"desiredNumberScheduled": 3, "currentNumberScheduled": 3, "updatedNumberScheduled": 3}
    assert whole(_native(None, observedGeneration=2, numberAvailable=3, **status))
    assert not whole(_native(None, observedGeneration=2, numberAvailable=2, **status))
    assert not whole(_native(None, observedGeneration=2))


def test_a_workload_that_its_controller_has_not_looked_at_is_not_whole() -> None:
    assert not whole(Native(metadata=ObjectMeta(name="web", generation=1)))


def test_pods_beside_are_out_of_use_when_their_controller_counts_none() -> None:
    assert empty(_native(0, observedGeneration=2))
    assert not empty(_native(0, observedGeneration=1))
    assert not empty(_native(0, observedGeneration=2, replicas=1))
