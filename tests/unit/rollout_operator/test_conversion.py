"""Rollouts of both versions: the same both ways, and what only one of them can say not lost on the way."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.definitions import complaints, schema

from tidegate_rollout_operator.conversion import FORMER, FORMER_SPEC, STORED, STORED_SPEC, STYLE, converted, review

REFERENCE = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
PATH = {"path": {"type": "Exact", "value": "/new"}}
HEADERS = {"headers": [{"name": "user", "value": "tester"}]}
ROUTING = {"service": "web", "gracePeriodSeconds": 3, "gateway": {"httpRouteName": "web"}}


def weighted(**more: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"replicas": st.integers(1, 9) | st.sampled_from(["5%", "100%"])},
        optional={
            "pause": st.fixed_dictionaries({}, optional={"duration": st.integers(0, 60)}),
            "matches": st.lists(st.just(HEADERS), max_size=2),
            **more,
        },
    )


BY_WEIGHT = st.fixed_dictionaries(
    {"weight": st.integers(1, 100)}, optional={"pause": st.just({}), "matches": st.just([HEADERS])}
)


def rollouts(api_version: str, spec: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    metadata = st.fixed_dictionaries(
        {"name": st.just("web"), "uid": st.just("u-1")},
        optional={
            "annotations": st.dictionaries(
                st.sampled_from([STYLE, "owner"]), st.sampled_from(["partition", "canary"]), min_size=1
            )
        },
    )
    return st.fixed_dictionaries(
        {
            "apiVersion": st.just(api_version),
            "kind": st.just("Rollout"),
            "metadata": metadata,
            "spec": spec,
        }
    )


FORMER_SPECS = st.fixed_dictionaries(
    {
        "objectRef": st.just({"workloadRef": REFERENCE}),
        "strategy": st.fixed_dictionaries(
            {
                "canary": st.fixed_dictionaries(
                    {"steps": st.lists(weighted(weight=st.integers(0, 100)) | BY_WEIGHT, min_size=1, max_size=4)},
                    optional={
                        "trafficRoutings": st.just([ROUTING]),
                        "failureThreshold": st.just("10%"),
                        "disableGenerateCanaryService": st.booleans(),
                    },
                )
            },
            optional={"paused": st.booleans()},
        ),
    },
    optional={"disabled": st.booleans(), "rolloutID": st.just("42")},
)

STORED_STEPS = st.lists(
    weighted(
        traffic=st.sampled_from(["5%", "100%"]),
        analysis=st.just({"checks": []}),
        matches=st.lists(st.sampled_from([HEADERS, PATH, HEADERS | PATH]), max_size=2),
    ),
    min_size=1,
    max_size=4,
)
STORED_SPECS = st.fixed_dictionaries(
    {
        "workloadRef": st.just(REFERENCE),
        "strategy": st.dictionaries(
            st.sampled_from(["canary", "blueGreen"]),
            st.fixed_dictionaries(
                {"steps": STORED_STEPS},
                optional={
                    "enableExtraWorkloadForCanary": st.booleans(),
                    "disableGenerateCanaryService": st.booleans(),
                    "trafficRoutings": st.just([ROUTING]),
                },
            ),
            min_size=1,
            max_size=1,
        ).map(lambda blocks: {**blocks, "onFailure": "Pause"}),
    }
)


@given(rollouts(FORMER, FORMER_SPECS))
def test_what_v1alpha1_can_say_survives_both_ways(rollout: dict[str, Any]) -> None:
    before = deepcopy(rollout)
    assert converted(converted(rollout, STORED), FORMER) == before
    assert rollout == before


@given(rollouts(STORED, STORED_SPECS))
def test_what_only_v1beta1_can_say_comes_back(rollout: dict[str, Any]) -> None:
    shown = converted(rollout, FORMER)
    assert complaints(shown["spec"], schema("rollouts", "spec", "v1alpha1")) == []
    again = converted(shown, STORED)
    assert again["spec"] == rollout["spec"]
    kept = {name: value for name, value in annotations(rollout).items() if name != STYLE}
    assert {name: value for name, value in annotations(again).items() if name != STYLE} == kept


@given(rollouts(FORMER, FORMER_SPECS), st.sampled_from(["partition", "canary"]), st.integers(1, 9))
def test_an_edit_of_v1beta1_leaves_what_v1alpha1_wrote_beside_it(
    rollout: dict[str, Any], style: str, replicas: int
) -> None:
    stored = converted(rollout, STORED)
    canary = stored["spec"]["strategy"]["canary"]
    canary["enableExtraWorkloadForCanary"] = style == "canary"
    canary["steps"] += [{"replicas": replicas, "traffic": "7%"}]
    shown = converted(stored, FORMER)["spec"]
    written = rollout["spec"]["strategy"]["canary"]["steps"]
    assert shown["strategy"]["canary"]["steps"] == [*written, {"replicas": replicas, "weight": 7}]
    assert shown.get("rolloutID") == rollout["spec"].get("rolloutID")


def annotations(rollout: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = rollout["metadata"].get("annotations", {})
    return found


def former(*steps: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": FORMER,
        "kind": "Rollout",
        "metadata": {"name": "web", **metadata},
        "spec": {"objectRef": {"workloadRef": REFERENCE}, "strategy": {"canary": {"steps": list(steps)}}},
    }


def test_a_weight_alone_says_how_many_pods_as_well() -> None:
    spec = converted(former({"weight": 20}, {"replicas": 3, "weight": 50}), STORED)["spec"]
    assert spec["workloadRef"] == REFERENCE
    assert spec["strategy"]["canary"]["steps"] == [
        {"replicas": "20%", "traffic": "20%"},
        {"replicas": 3, "traffic": "50%"},
    ]


@pytest.mark.parametrize(
    ("style", "beside"), [(None, True), ("canary", True), ("partition", False), ("Partition", False)]
)
def test_the_style_is_an_annotation(style: str | None, *, beside: bool) -> None:
    marked = {} if style is None else {"annotations": {STYLE: style}}
    block = converted(former({"replicas": 1}, **marked), STORED)["spec"]["strategy"]["canary"]
    assert block["enableExtraWorkloadForCanary"] is beside


def test_who_edits_the_former_version_is_heard() -> None:
    spec = {"workloadRef": REFERENCE, "strategy": {"canary": {"steps": [{"replicas": 1}]}, "onFailure": "Pause"}}
    shown = converted({"apiVersion": STORED, "metadata": {"name": "web"}, "spec": spec}, FORMER)
    assert STORED_SPEC in annotations(shown)
    shown["spec"]["strategy"]["canary"]["steps"] = [{"replicas": 2}]
    stored = converted(shown, STORED)
    assert stored["spec"]["strategy"]["canary"]["steps"] == [{"replicas": 2}]
    assert stored["spec"]["strategy"]["onFailure"] == "Pause"
    assert STORED_SPEC not in annotations(stored)


EDITS: dict[str, Callable[[dict[str, Any], list[dict[str, Any]]], object]] = {
    "nothing": lambda _strategy, _steps: None,
    "paused": lambda strategy, _: strategy.update(paused=True),
    "a count": lambda _, steps: steps[-1].update(replicas=77),
    "a weight": lambda _, steps: steps[-1].update(weight=77),
    "no weight any more": lambda _, steps: steps[-1].pop("weight", None),
    "a pause": lambda _, steps: steps[0].update(pause={"duration": 77}),
    "a match more": lambda _, steps: steps[-1].setdefault("matches", []).append({"headers": [{"name": "beta"}]}),
    "a step more": lambda _, steps: steps.append({"replicas": 77, "weight": 77}),
    "a step in front": lambda _, steps: steps.insert(0, {"weight": 7}),
}


@given(rollouts(STORED, STORED_SPECS), st.sampled_from(sorted(EDITS)))
def test_an_edit_of_v1alpha1_changes_what_it_says_and_nothing_else(rollout: dict[str, Any], edit: str) -> None:
    shown = converted(rollout, FORMER)
    strategy = shown["spec"]["strategy"]
    EDITS[edit](strategy, strategy.get("canary", {}).get("steps") or [{}])
    edited = deepcopy(shown)
    stored = converted(shown, STORED)
    assert converted(stored, FORMER)["spec"] == edited["spec"]
    assert of_v1beta1_alone(stored["spec"]) == of_v1beta1_alone(rollout["spec"])


def of_v1beta1_alone(spec: dict[str, Any]) -> Any:
    strategy = spec["strategy"]
    canary = strategy.get("canary", {})
    hidden = {name: canary.get(name) for name in ("enableExtraWorkloadForCanary", "trafficRoutingRef")}
    steps = [step["analysis"] for step in canary.get("steps", []) if "analysis" in step]
    paths = [match["path"] for step in canary.get("steps", []) for match in step.get("matches", []) if "path" in match]
    return strategy.get("blueGreen"), strategy["onFailure"], hidden, steps, paths


def test_a_step_taken_out_in_v1alpha1_takes_its_own_along() -> None:
    steps = [{"replicas": number, "analysis": {"podHealth": {"restartsMaximum": number}}} for number in (1, 2, 3)]
    spec = {"workloadRef": REFERENCE, "strategy": {"canary": {"steps": steps}}}
    shown = converted({"apiVersion": STORED, "metadata": {"name": "web"}, "spec": spec}, FORMER)
    del shown["spec"]["strategy"]["canary"]["steps"][1]
    assert converted(shown, STORED)["spec"]["strategy"]["canary"]["steps"] == [steps[0], steps[2]]


def test_the_style_may_be_edited_where_v1beta1_says_more() -> None:
    spec = {"workloadRef": REFERENCE, "strategy": {"canary": {"steps": [{"replicas": 1}]}, "onFailure": "Pause"}}
    shown = converted({"apiVersion": STORED, "metadata": {"name": "web"}, "spec": spec}, FORMER)
    assert annotations(shown)[STYLE] == "partition"
    shown["metadata"]["annotations"][STYLE] = "canary"
    strategy = converted(shown, STORED)["spec"]["strategy"]
    assert (strategy["canary"]["enableExtraWorkloadForCanary"], strategy["onFailure"]) == (True, "Pause")


@pytest.mark.parametrize("unreadable", ["", "{", "[]", "7"])
def test_what_somebody_made_unreadable_counts_for_nothing(unreadable: str) -> None:
    stored = converted(former({"weight": 5}, annotations={STORED_SPEC: unreadable}), STORED)
    assert stored["spec"] == converted(former({"weight": 5}), STORED)["spec"]
    stored["metadata"]["annotations"] = {FORMER_SPEC: unreadable}
    assert converted(stored, FORMER)["spec"]["strategy"]["canary"]["steps"] == [{"replicas": "5%", "weight": 5}]


@given(rollouts(STORED, STORED_SPECS), st.sampled_from(sorted(EDITS)))
def test_who_drops_the_annotations_of_v1alpha1_drops_nothing_that_it_cannot_say(
    rollout: dict[str, Any], edit: str
) -> None:
    """The API server keeps the status of what is replaced; the style's own annotation counts as it is written."""
    shown = converted({**rollout, "status": {"phase": "Healthy"}}, FORMER)
    assert complaints(shown["status"], schema("rollouts", "status", "v1alpha1")) == []
    strategy = shown["spec"]["strategy"]
    EDITS[edit](strategy, strategy.get("canary", {}).get("steps") or [{}])
    bare = {**shown, "metadata": {**shown["metadata"], "annotations": _style_of(shown)}}
    stored = converted(bare, STORED)
    assert stored["spec"] == converted(shown, STORED)["spec"]
    assert stored["status"] == {"phase": "Healthy", "currentStepIndex": 0, "currentStepState": ""}


def _style_of(shown: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in annotations(shown).items() if name == STYLE}


@given(rollouts(STORED, STORED_SPECS))
def test_who_writes_a_status_in_v1alpha1_leaves_the_spec_alone(rollout: dict[str, Any]) -> None:
    """The API server keeps the annotations of what has its status replaced."""
    shown = converted(rollout, FORMER)
    stored = converted({**shown, "status": {"phase": "Healthy"}}, STORED)
    assert stored["spec"] == rollout["spec"]


def test_a_status_tells_its_present_step_at_the_top_too() -> None:
    told = {"canaryStatus": {"currentStepIndex": 2, "currentStepState": "StepPaused"}, "phase": "Progressing"}
    stored = converted({**former({"weight": 5}), "status": told}, STORED)
    assert (stored["status"]["currentStepIndex"], stored["status"]["currentStepState"]) == (2, "StepPaused")
    assert "status" not in converted(former({"weight": 5}), STORED)


def asked(version: str, *objects: dict[str, Any], kind: str = "ConversionReview") -> bytes:
    request = {"uid": "r-1", "desiredAPIVersion": version, "objects": list(objects)}
    return json.dumps({"apiVersion": "apiextensions.k8s.io/v1", "kind": kind, "request": request}).encode()


def test_a_review_answers_for_each_object_in_order() -> None:
    one, other = former({"weight": 5}), former({"weight": 6})
    response = json.loads(review(asked(STORED, one, other)))["response"]
    assert (response["uid"], response["result"]["status"]) == ("r-1", "Success")
    assert response["convertedObjects"] == [converted(one, STORED), converted(other, STORED)]
    assert json.loads(review(asked(FORMER, one)))["response"]["convertedObjects"] == [one]


def test_what_is_no_version_of_ours_fails_with_the_reason() -> None:
    response = json.loads(review(asked("rollouts.kruise.io/v2", former({"weight": 5}))))["response"]
    assert response["result"]["status"] == "Failure"
    assert "v2" in response["result"]["message"]
    with pytest.raises(ValueError, match="ConversionReview"):
        review(asked(STORED, kind="AdmissionReview"))
