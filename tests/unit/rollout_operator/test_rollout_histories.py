"""What is kept of a release, and in which shape; the cluster is asked in tests/integration/rollout_operator."""

from typing import Any

import msgspec
import pytest
from support.definitions import complaints, schema
from support.kruise_rollouts import rollout

from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_rollout_operator.rollout_history import (
    COMPLETED,
    HistoryStatus,
    Kept,
    Named,
    Pod,
    RolloutHistory,
    filled,
    name_of,
    opened,
    selector_of,
    steps_of,
    surplus,
)

LONG = "a" * 250


def history(name: str, at: str, phase: str = COMPLETED) -> RolloutHistory:
    return RolloutHistory(metadata=ObjectMeta(name=name, creation_timestamp=at), status=HistoryStatus(phase=phase))


def test_a_release_has_one_name_whoever_says_it() -> None:
    assert name_of(rollout(), "g-1") == name_of(rollout(), "g-1")
    assert name_of(rollout(), "g-1") != name_of(rollout(), "g-2")
    assert name_of(rollout(), "g-1").startswith("web-")
    assert len(name_of(rollout(name=LONG), "g-1")) == 253


@pytest.mark.parametrize("name", ["web", LONG])
def test_it_begins_with_whose_it_is(name: str) -> None:
    found = opened(rollout(name=name), "g-1", "v2")
    assert complaints(found["spec"], schema("rollouthistories", "spec", "v1alpha1")) == []
    assert found["spec"] == {"rollout": {"name": name, "rolloutID": "v2"}}
    labels = found["metadata"]["labels"]
    assert labels == {"rollouts.kruise.io/rollout-id": "v2", "rollouts.kruise.io/rollout-name": name[:63]}
    read = msgspec.convert(found, RolloutHistory)
    assert (read.spec.rollout.rollout_id, read.identity) == ("v2", "g-1")


def test_it_ends_with_what_there_was() -> None:
    kept = Kept(
        rollout={"strategy": {}},
        workload={"replicas": 3},
        service=Named("web", {"ports": []}),
        route=Named("web", None),
        ingress=Named("door", {"rules": []}),
    )
    found = filled(rollout(), "g-1", kept)
    assert complaints(found, schema("rollouthistories", "spec", "v1alpha1")) == []
    assert found == {
        "rollout": {"name": "web", "rolloutID": "g-1", "data": {"strategy": {}}},
        "workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "data": {"replicas": 3}},
        "service": {"name": "web", "data": {"ports": []}},
        "trafficRouting": {"httpRoute": {"name": "web"}, "ingress": {"name": "door", "data": {"rules": []}}},
    }


def test_without_routes_there_are_none() -> None:
    assert set(filled(rollout(style="blueGreen"), "g-1", Kept())) == {"rollout", "workload"}


def test_pods_are_told_by_the_step_in_which_they_came() -> None:
    pods = [Pod("web-b", "10.0.0.2", "n-1", 2), Pod("web-c", "", "", 1), Pod("web-a", "10.0.0.1", "n-2", 2)]
    found = steps_of(pods, [{"canaryStepIndex": 1, "pods": []}, {"canaryStepIndex": 3, "pods": [{"name": "gone"}]}])
    assert complaints(found, schema("rollouthistories", "status", "v1alpha1")["properties"]["canarySteps"]) == []
    assert found == [
        {"canaryStepIndex": 1, "pods": [{"name": "web-c"}]},
        {
            "canaryStepIndex": 2,
            "pods": [
                {"name": "web-a", "ip": "10.0.0.1", "nodeName": "n-2"},
                {"name": "web-b", "ip": "10.0.0.2", "nodeName": "n-1"},
            ],
        },
        {"canaryStepIndex": 3, "pods": [{"name": "gone"}]},
    ]


def test_the_oldest_that_have_ended_are_too_many() -> None:
    found = [history("c", "3"), history("a", "1", ""), history("b", "2"), history("d", "4")]
    assert [each.metadata.name for each in surplus(found, 2)] == ["b"]
    assert surplus(found, 4) == []


@pytest.mark.parametrize(
    ("workload", "selector"),
    [
        (None, ""),
        ({"replicas": 3}, ""),
        ({"selector": {"matchLabels": {"app": "web"}}}, ",app=web"),
        (
            {
                "selector": {
                    "matchLabels": {},
                    "matchExpressions": [
                        {"key": "tier", "operator": "In", "values": ["a", "b"]},
                        {"key": "track", "operator": "NotIn", "values": ["canary"]},
                        {"key": "app", "operator": "Exists"},
                        {"key": "old", "operator": "DoesNotExist"},
                    ],
                }
            },
            ",tier in (a,b),track notin (canary),app,!old",
        ),
    ],
)
def test_pods_are_asked_for_as_the_workload_selects_them(workload: Any, selector: str) -> None:
    assert selector_of(workload, "g-1") == f"tidegate.io/rollout-id=g-1{selector}"
