"""Kruise's rules for Rollouts as tables: specs that its webhook lets pass, and specs that it refuses, by why and where.

Judged alone by tests/unit/rollout_operator, and through a real API server by tests/e2e/test_rules_of_rollouts.py.
"""

from typing import Any

Json = dict[str, Any]

STYLE = "rollouts.kruise.io/rolling-style"
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
ROUTING = {"service": "web", "gateway": {"httpRouteName": "web"}}


def spec(
    *steps: dict[str, Any], style: str = "canary", workload: dict[str, Any] | None = None, **block: Any
) -> dict[str, Any]:
    given = list(steps) or [{"replicas": "20%"}, {"replicas": "100%"}]
    return {"workloadRef": workload or DEPLOYMENT, "strategy": {style: {"steps": given, **block}}}


def of(kind: str, api_version: str = "apps/v1") -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "name": "web"}


EXTRA = {"enableExtraWorkloadForCanary": True}
GOOD: dict[str, dict[str, Any]] = {
    "the least": spec(),
    "a count": spec({"replicas": 1}),
    "a ReplicaSet, which Kruise lets pass": spec(workload=of("ReplicaSet")),
    "a CloneSet in blue-green": spec(style="blueGreen", workload=of("CloneSet", "apps.kruise.io/v1alpha1")),
    "a StatefulSet": spec(workload=of("StatefulSet")),
    "a DaemonSet": spec(workload=of("DaemonSet")),
    "an Advanced StatefulSet": spec(workload=of("StatefulSet", "apps.kruise.io/v1beta1")),
    "an Advanced StatefulSet of the version before": spec(workload=of("StatefulSet", "apps.kruise.io/v1alpha1")),
    "an Advanced DaemonSet": spec(workload=of("DaemonSet", "apps.kruise.io/v1alpha1")),
    "a version that a kind had once": spec(workload=of("Deployment", "apps/v1beta2")),
    "a Deployment in blue-green": spec(style="blueGreen"),
    "a custom resource": spec(workload=of("Game", "example.com/v1")),
    "counts and percentages are not compared": spec({"replicas": 9}, {"replicas": "10%"}),
    "as many pods as before": spec({"replicas": 3}, {"replicas": 3}),
    "as many percent as before": spec({"replicas": "20%"}, {"replicas": "20%"}),
    "more than there may be, as a count": spec({"replicas": 5000}),
    "most in place, without traffic": spec({"replicas": "80%"}, trafficRoutings=[ROUTING]),
    "all traffic, beside": spec({"replicas": "100%", "traffic": "100%"}, **EXTRA, trafficRoutings=[ROUTING]),
    "half with traffic": spec({"replicas": "50%", "traffic": "50%"}, trafficRoutings=[ROUTING]),
    "more with traffic, beside": spec({"replicas": "60%", "traffic": "60%"}, **EXTRA, trafficRoutings=[ROUTING]),
    "more as a count": spec({"replicas": 90, "traffic": "60%"}, trafficRoutings=[ROUTING]),
    "no traffic yet, in blue-green": spec({"replicas": "100%", "traffic": "0%"}, style="blueGreen"),
    "all traffic, in blue-green": spec({"replicas": "100%", "traffic": "100%"}, style="blueGreen"),
    "traffic may fall": spec({"replicas": "10%", "traffic": "50%"}, {"replicas": "20%", "traffic": "5%"}),
    "an Ingress": spec(trafficRoutings=[{"service": "web", "ingress": {"name": "web"}}]),
    "no grace": spec(trafficRoutings=[ROUTING | {"gracePeriodSeconds": 0}]),
    "routes of every kind at once": spec(
        trafficRoutings=[
            ROUTING | {"ingress": {"name": "web"}, "customNetworkRefs": [of("VirtualService", "example.com/v1")]}
        ]
    ),
    "a route in blue-green": spec(style="blueGreen", trafficRoutings=[ROUTING]),
    "any object": spec(
        trafficRoutings=[{"service": "web", "customNetworkRefs": [of("VirtualService", "example.com/v1")]}]
    ),
    "an empty list of objects, which Kruise lets pass": spec(
        trafficRoutings=[{"service": "web", "customNetworkRefs": []}]
    ),
}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a kind without replicas": (spec(workload=of("Job", "batch/v1")), "spec.workloadRef"),
    "a kind of Kruise's without replicas": (
        spec(workload=of("SidecarSet", "apps.kruise.io/v1alpha1")),
        "spec.workloadRef",
    ),
    "no name": (spec(workload={"apiVersion": "apps/v1", "kind": "Deployment"}), "spec.workloadRef.name"),
    "a StatefulSet in blue-green": (spec(style="blueGreen", workload=of("StatefulSet")), "spec.workloadRef"),
    "an Advanced DaemonSet in blue-green": (
        spec(style="blueGreen", workload=of("DaemonSet", "apps.kruise.io/v1alpha1")),
        "spec.workloadRef",
    ),
    "neither style": ({"workloadRef": DEPLOYMENT, "strategy": {}}, "spec.strategy"),
    "both styles": (
        {"workloadRef": DEPLOYMENT, "strategy": {"canary": {"steps": [{"replicas": 1}]}, "blueGreen": {}}},
        "spec.strategy",
    ),
    "no steps": ({"workloadRef": DEPLOYMENT, "strategy": {"canary": {}}}, "spec.strategy.canary.steps"),
    "an empty list of steps": (
        {"workloadRef": DEPLOYMENT, "strategy": {"canary": {"steps": []}}},
        "spec.strategy.canary.steps",
    ),
    "no steps, in blue-green": (
        {"workloadRef": DEPLOYMENT, "strategy": {"blueGreen": {}}},
        "spec.strategy.blueGreen.steps",
    ),
    "two routings, in blue-green": (
        spec(style="blueGreen", trafficRoutings=[ROUTING, ROUTING]),
        "spec.strategy.blueGreen.trafficRoutings",
    ),
    "two routings": (spec(trafficRoutings=[ROUTING, ROUTING]), "spec.strategy.canary.trafficRoutings"),
    "no replicas": (spec({"traffic": "5%"}), "spec.strategy.canary.steps[0].replicas"),
    "none of them": (spec({"replicas": 0}), "spec.strategy.canary.steps[0].replicas"),
    "no replicas, in blue-green": (
        spec({"traffic": "5%"}, style="blueGreen"),
        "spec.strategy.blueGreen.steps[0].replicas",
    ),
    "fewer than none": (spec({"replicas": -1}), "spec.strategy.canary.steps[0].replicas"),
    "less than nothing of them": (spec({"replicas": "-5%"}), "spec.strategy.canary.steps[0].replicas"),
    "a part of a percent": (spec({"replicas": "1.5%"}), "spec.strategy.canary.steps[0].replicas"),
    "no percentage": (spec({"replicas": "0%"}), "spec.strategy.canary.steps[0].replicas"),
    "more than all": (spec({"replicas": "101%"}), "spec.strategy.canary.steps[0].replicas"),
    "no amount": (spec({"replicas": "many"}), "spec.strategy.canary.steps[0].replicas"),
    "too many with traffic": (spec({"replicas": "51%", "traffic": "5%"}), "spec.strategy.canary.steps[0].replicas"),
    "too many with matches": (
        spec({"replicas": "51%", "matches": [{"headers": []}]}),
        "spec.strategy.canary.steps[0].replicas",
    ),
    "no traffic at all": (spec({"replicas": 1, "traffic": "0%"}), "spec.strategy.canary.steps[0].traffic"),
    "too much traffic": (spec({"replicas": 1, "traffic": "101%"}), "spec.strategy.canary.steps[0].traffic"),
    "too much traffic, in blue-green": (
        spec({"replicas": 1, "traffic": "101%"}, style="blueGreen"),
        "spec.strategy.blueGreen.steps[0].traffic",
    ),
    "less than none, in blue-green": (
        spec({"replicas": 1, "traffic": "-1%"}, style="blueGreen"),
        "spec.strategy.blueGreen.steps[0].traffic",
    ),
    "an extra workload that no CloneSet gets": (
        spec({"replicas": "60%", "traffic": "60%"}, **EXTRA, workload=of("CloneSet", "apps.kruise.io/v1alpha1")),
        "spec.strategy.canary.steps[0].replicas",
    ),
    "traffic without a unit": (spec({"replicas": 1, "traffic": "20"}), "spec.strategy.canary.steps[0].traffic"),
    "traffic as a number": (spec({"replicas": 1, "traffic": 20}), "spec.strategy.canary.steps[0].traffic"),
    "fewer percent": (spec({"replicas": "20%"}, {"replicas": "10%"}), "spec.strategy.canary.steps[1].replicas"),
    "fewer percent, in blue-green": (
        spec({"replicas": "20%"}, {"replicas": "10%"}, style="blueGreen"),
        "spec.strategy.blueGreen.steps[1].replicas",
    ),
    "fewer pods": (spec({"replicas": 3}, {"replicas": 2}), "spec.strategy.canary.steps[1].replicas"),
    "a negative grace": (
        spec(trafficRoutings=[ROUTING | {"gracePeriodSeconds": -1}]),
        "spec.strategy.canary.trafficRoutings[0].gracePeriodSeconds",
    ),
    "no Service": (
        spec(trafficRoutings=[{"gateway": {"httpRouteName": "web"}}]),
        "spec.strategy.canary.trafficRoutings[0].service",
    ),
    "an empty Service, in blue-green": (
        spec(style="blueGreen", trafficRoutings=[ROUTING | {"service": ""}]),
        "spec.strategy.blueGreen.trafficRoutings[0].service",
    ),
    "no route": (spec(trafficRoutings=[{"service": "web"}]), "spec.strategy.canary.trafficRoutings[0]"),
    "an Ingress without a name": (
        spec(trafficRoutings=[{"service": "web", "ingress": {}}]),
        "spec.strategy.canary.trafficRoutings[0].ingress.name",
    ),
    "an Ingress with an empty name": (
        spec(trafficRoutings=[{"service": "web", "ingress": {"name": ""}}]),
        "spec.strategy.canary.trafficRoutings[0].ingress.name",
    ),
    "a route with an empty name": (
        spec(trafficRoutings=[{"service": "web", "gateway": {"httpRouteName": ""}}]),
        "spec.strategy.canary.trafficRoutings[0].gateway.httpRouteName",
    ),
    "a route without a name": (
        spec(trafficRoutings=[{"service": "web", "gateway": {}}]),
        "spec.strategy.canary.trafficRoutings[0].gateway.httpRouteName",
    ),
}

STEPS = spec({"replicas": "20%"}, {"replicas": "100%"})
CHANGES = {
    "another workload": (spec(workload=of("StatefulSet")), "spec.workloadRef"),
    "another style": (spec(style="blueGreen"), "spec.strategy"),
    "an extra workload": (spec(**EXTRA), "spec.strategy"),
    "another route": (spec(trafficRoutings=[ROUTING]), "spec.strategy.canary.trafficRoutings"),
    "fewer steps": (spec({"replicas": "100%"}), "spec.strategy.canary.steps"),
}


def former(*steps: dict[str, Any], style: str = "", workload: dict[str, Any] | None = None, **block: Any) -> Json:
    """A Rollout as it is written in v1alpha1."""
    return {
        "apiVersion": "rollouts.kruise.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "asked", "annotations": {STYLE: style} if style else {}},
        "spec": {
            "objectRef": {"workloadRef": workload or DEPLOYMENT},
            "strategy": {"canary": {"steps": list(steps), **block}},
        },
    }


def in_former(field: str) -> str:
    """What a field of v1beta1's is called in v1alpha1, where a step has a weight beside replicas."""
    if field == "spec.strategy":
        return "spec.strategy.canary"
    field = field.replace("spec.workloadRef", "spec.objectRef.workloadRef")
    return f"{field.removesuffix('.traffic')}.weight" if field.endswith(".traffic") else field


FALLING = ({"replicas": 1, "weight": 20}, {"replicas": 2, "weight": 10})
REPLICAS = "spec.strategy.canary.steps[0].replicas"
WEIGHT = "spec.strategy.canary.steps[0].weight"
GOOD_BEFORE = {
    "a weight of nothing beside a count": former({"replicas": 1, "weight": 0}),
    "a weight of nothing beside a percentage": former({"replicas": "10%", "weight": 0}, trafficRoutings=[ROUTING]),
    "a weight beyond everything beside a count, which Kruise lets pass": former({"replicas": 1, "weight": 150}),
    "weights alone": former({"weight": 20}, {"weight": 100}, trafficRoutings=[ROUTING]),
    "half by weight, in place": former({"weight": 50}, style="partition"),
    "more as a count, in place": former({"replicas": 90, "weight": 5}, style="partition"),
    "weights that stay, with routes": former({"weight": 20}, {"weight": 20}, trafficRoutings=[ROUTING]),
    "a style in capitals": former({"replicas": "60%", "weight": 5}, style="Canary"),
    "more in place, without a weight": former({"weight": 20}, {"replicas": "100%"}, style="Partition"),
    "weights that fall without routes": former(*FALLING),
    "a count after a weight is not compared": former({"weight": 50}, {"replicas": 1}),
}
BAD_BEFORE = {
    "neither weight nor replicas": (former({"pause": {}}), REPLICAS),
    "a weight of nothing, alone": (former({"weight": 0}), WEIGHT),
    "a weight beyond everything, alone": (former({"weight": 101}), WEIGHT),
    "no percentage, whatever the weight": (former({"replicas": "0%", "weight": 5}), REPLICAS),
    "too much by weight, in place": (former({"weight": 51}, style="partition"), WEIGHT),
    "too many in place": (former({"replicas": "51%", "weight": 5}, style="partition"), REPLICAS),
    "too many in place, with matches": (
        former({"replicas": "51%", "matches": [{"headers": [{"name": "user", "value": "ann"}]}]}, style="partition"),
        REPLICAS,
    ),
    "too many of a CloneSet": (former({"weight": 51}, workload=of("CloneSet", "apps.kruise.io/v1alpha1")), WEIGHT),
    "weights alone that fall": (former({"weight": 20}, {"weight": 10}), "spec.strategy.canary.steps[1].weight"),
    "fewer percent than the weight before": (
        former({"weight": 20}, {"replicas": "10%"}),
        "spec.strategy.canary.steps[1].replicas",
    ),
    "weights that fall with routes": (
        former(*FALLING, trafficRoutings=[ROUTING]),
        "spec.strategy.canary.steps[1].weight",
    ),
    "a style that there is none": (former({"weight": 5}, style="rainbow"), f"metadata.annotations[{STYLE}]"),
}
"""As they are written in v1alpha1."""

RULES: dict[str, tuple[set[str], set[str]]] = {
    "the workload is of a kind that is carried": (
        {
            "the least",
            "a ReplicaSet, which Kruise lets pass",
            "a StatefulSet",
            "a DaemonSet",
            "an Advanced StatefulSet",
            "an Advanced StatefulSet of the version before",
            "an Advanced DaemonSet",
            "a version that a kind had once",
            "a custom resource",
        },
        {"a kind without replicas", "a kind of Kruise's without replicas", "no name"},
    ),
    "blue-green is for Deployments and CloneSets": (
        {"a CloneSet in blue-green", "a Deployment in blue-green"},
        {"a StatefulSet in blue-green", "an Advanced DaemonSet in blue-green"},
    ),
    "there is one style, with steps": (
        {"the least"},
        {"neither style", "both styles", "no steps", "an empty list of steps", "no steps, in blue-green"},
    ),
    "there is one routing at most": (
        {"an Ingress", "routes of every kind at once", "a route in blue-green"},
        {"two routings", "two routings, in blue-green"},
    ),
    "every step has replicas": (
        {"a count", "the least", "more than there may be, as a count"},
        {
            "no replicas",
            "no replicas, in blue-green",
            "none of them",
            "fewer than none",
            "less than nothing of them",
            "a part of a percent",
            "no percentage",
            "more than all",
            "no amount",
        },
    ),
    "at most half in place, in a step with traffic": (
        {
            "half with traffic",
            "more with traffic, beside",
            "all traffic, beside",
            "more as a count",
            "most in place, without traffic",
        },
        {"too many with traffic", "too many with matches", "an extra workload that no CloneSet gets"},
    ),
    "traffic is a percentage": (
        {"no traffic yet, in blue-green", "all traffic, in blue-green", "half with traffic"},
        {
            "no traffic at all",
            "too much traffic",
            "too much traffic, in blue-green",
            "less than none, in blue-green",
            "traffic without a unit",
            "traffic as a number",
        },
    ),
    "replicas don't fall": (
        {
            "counts and percentages are not compared",
            "as many pods as before",
            "as many percent as before",
            "traffic may fall",
        },
        {"fewer percent", "fewer pods", "fewer percent, in blue-green"},
    ),
    "a routing names its Service and its route": (
        {
            "an Ingress",
            "any object",
            "no grace",
            "half with traffic",
            "an empty list of objects, which Kruise lets pass",
        },
        {
            "a negative grace",
            "no Service",
            "an empty Service, in blue-green",
            "no route",
            "an Ingress without a name",
            "an Ingress with an empty name",
            "a route without a name",
            "a route with an empty name",
        },
    ),
}
"""Kruise's rules for a Rollout by itself, in their order, each with what it lets pass and what it refuses."""
