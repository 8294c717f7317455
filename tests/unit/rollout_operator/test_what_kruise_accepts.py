"""What Kruise's rules accept can be carried: whatever passes `validation` becomes a request, but for what is listed.

And what an Ingress' class has no place for counts for as little as in Kruise's own scripts, but is told.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.kruise_rollouts import rollout

from tidegate_contracts.rollout import HeaderChange, HttpMatch, RolloutRequested, StepTraffic
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.projection import project
from tidegate_rollout_operator.translate import translate
from tidegate_rollout_operator.validation import problems_of
from tidegate_rollout_operator.view import View

NAMES = st.sampled_from(["user", "canary-by-cookie", "x-beta"])
TYPES = st.sampled_from([{}, {"type": "Exact"}, {"type": "RegularExpression"}])
VALUES = st.sampled_from(["ann", "a-b"])
CLASSES = ["", "nginx", "higress", "aliyun-alb", "mse", "own"]
VIRTUAL_SERVICE = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": "web"}
ROUTINGS = [
    {"gateway": {"httpRouteName": "web"}},
    {"customNetworkRefs": [VIRTUAL_SERVICE]},
    *({"ingress": {"name": "web"} | ({"classType": each} if each else {})} for each in CLASSES),
]


def condition(kinds: Any) -> Any:
    return st.builds(lambda name, kind, value: {"name": name, "value": value} | kind, NAMES, kinds, VALUES)


CONDITIONS = st.lists(condition(TYPES), max_size=3, unique_by=lambda each: each["name"])
PATHS = st.sampled_from(
    [{"value": "/a"}, {"type": "Exact", "value": "/b"}, {"type": "RegularExpression", "value": "/c"}]
)
MATCHES = st.fixed_dictionaries({}, optional={"headers": CONDITIONS, "queryParams": CONDITIONS, "path": PATHS}).filter(
    lambda match: any(match.values())
)
SET = [{"name": "x-new", "value": "1"}, {"name": "x-too", "value": "2"}]
MODIFIERS = st.fixed_dictionaries({}, optional={"set": st.just(SET), "remove": st.just(["x-old"])})
REPLICAS = st.one_of(st.integers(1, 20), st.integers(1, 100).map("{}%".format))
STEPS = st.fixed_dictionaries(
    {"replicas": REPLICAS},
    optional={
        "traffic": st.integers(0, 100).map("{}%".format),
        "matches": st.lists(MATCHES, max_size=3),
        "requestHeaderModifier": MODIFIERS,
        "pause": st.sampled_from([{}, {"duration": 0}, {"duration": 60}]),
    },
)
BLOCKS = st.fixed_dictionaries(
    {"steps": st.lists(STEPS, min_size=1, max_size=4)},
    optional={
        "trafficRoutings": st.sampled_from(ROUTINGS).map(lambda each: [{"service": "web", **each}]),
        "failureThreshold": st.sampled_from([0, 1, "20%"]),
        "enableExtraWorkloadForCanary": st.booleans(),
        "patchPodTemplateMetadata": st.sampled_from([{}, {"labels": {"track": "new"}}, {"annotations": {"a": "b"}}]),
    },
)
KINDS = [("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("apps.kruise.io/v1alpha1", "CloneSet")]


def is_refused(spec: dict[str, Any]) -> bool:
    """What docs/kruise.md lists under *Not served yet*."""
    block = spec["strategy"].get("canary") or spec["strategy"]["blueGreen"]
    replicas = [step["replicas"] for step in block["steps"]]
    counts = [each for each in replicas if isinstance(each, int)]
    percents = [int(each[:-1]) for each in replicas if isinstance(each, str)]
    if counts != sorted(counts) or percents != sorted(percents):
        return True  # with one of the other kind in between
    in_place = not (block.get("enableExtraWorkloadForCanary") and spec["workloadRef"]["kind"] == "Deployment")
    return "canary" in spec["strategy"] and in_place and _takes_back(block)


def _takes_back(block: dict[str, Any]) -> bool:
    """In a partition, from a step with all of the traffic or of the pods on."""
    whole = False
    for step in block["steps"] if block.get("trafficRoutings") else ():
        says = step.get("matches") or step.get("traffic") not in (None, "100%")
        if whole and says and step["replicas"] != "100%":
            return True
        whole = whole or step.get("traffic") == "100%" or step["replicas"] == "100%"
    return False


@settings(max_examples=300, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], deadline=None)
@given(style=st.sampled_from(["canary", "blueGreen"]), block=BLOCKS, kind=st.sampled_from(KINDS))
def test_whatever_kruise_accepts_is_carried(style: str, block: dict[str, Any], kind: tuple[str, str]) -> None:
    spec = {
        "workloadRef": {"apiVersion": kind[0], "kind": kind[1], "name": "web"},
        "strategy": {style: block},
    }
    assume(problems_of(spec) == () and not is_refused(spec))
    assert isinstance(translate(rollout(spec=spec)), RolloutRequested), translate(rollout(spec=spec))


def by_ingress(step: dict[str, Any], class_type: str = "nginx") -> Rollout:
    routing = {"service": "web", "ingress": {"name": "web", "classType": class_type}}
    return rollout(steps=[{"replicas": 1, **step}], trafficRoutings=[routing])


def header(name: str, value: str = "1", **kind: str) -> dict[str, str]:
    return {"name": name, "value": value, **kind}


HEADERS = {"matches": [{"headers": [header("a"), header("b")]}, {"headers": [header("c")], "path": {"value": "/"}}]}
COOKIE = {
    "matches": [{"headers": [header("a")]}, {"headers": [header("canary-by-cookie", "c", type="RegularExpression")]}]
}
QUERIES = {"matches": [{"headers": [header("a")], "queryParams": [header("q"), header("r")]}]}
CHANGED = {"traffic": "5%", "requestHeaderModifier": {"set": [header("x"), header("y")], "remove": ["z"]}}


@pytest.mark.parametrize(
    ("step", "class_type", "meant", "left_out"),
    [
        (
            HEADERS,
            "nginx",
            StepTraffic(weight_percent=0, matches=(HttpMatch(headers={"c": "1"}),)),
            ["matches[0].headers[0]", "matches[0].headers[1]", "matches[1].path"],
        ),
        (
            COOKIE,
            "aliyun-alb",
            StepTraffic(
                weight_percent=0, matches=(HttpMatch(headers={"a": "1"}), HttpMatch(headers={"canary-by-cookie": "c"}))
            ),
            [],
        ),
        (
            QUERIES,
            "higress",
            StepTraffic(weight_percent=0, matches=(HttpMatch(headers={"a": "1"}),)),
            ["matches[0].queryParams[0]", "matches[0].queryParams[1]"],
        ),
        (
            QUERIES,
            "mse",
            StepTraffic(weight_percent=0, matches=(HttpMatch(headers={"a": "1"}), HttpMatch(query={"q": "1"}))),
            ["matches[0].queryParams[1]"],
        ),
        (CHANGED, "nginx", StepTraffic(weight_percent=5), ["requestHeaderModifier"]),
        (
            CHANGED,
            "mse",
            StepTraffic(weight_percent=5, request_headers=HeaderChange(set={"x": "1"})),
            ["requestHeaderModifier.set[1]", "requestHeaderModifier.remove"],
        ),
        (
            {"matches": [{"path": {"value": "/a"}}]},
            "nginx",
            StepTraffic(weight_percent=0),
            ["matches[0].path"],
        ),
    ],
    ids=["two headers", "a cookie", "no query", "one query", "no change", "one change", "nothing at all"],
)
def test_what_an_ingress_has_no_place_for_is_left_out_and_told(
    step: dict[str, Any], class_type: str, meant: StepTraffic, left_out: list[str]
) -> None:
    made = by_ingress(step, class_type)
    wanted = translate(made)
    assert isinstance(wanted, RolloutRequested), wanted
    assert wanted.steps[0].traffic == meant
    (accepted,) = [each for each in project(made, View(), wanted, 0.0)["conditions"] if each["type"] == "Accepted"]
    assert (accepted["status"], accepted["reason"]) == ("True", "Guarded")
    assert all(f"spec.strategy.canary.steps[0].{field}" in accepted["message"] for field in left_out)
    assert ("has no place for" in accepted["message"]) == bool(left_out)
