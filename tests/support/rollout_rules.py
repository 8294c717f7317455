"""Kruise's rules for Rollouts as tables: specs that its webhook lets pass, and specs that it refuses, by why and where.

Judged alone by tests/unit/rollout_operator, and through a real API server by tests/e2e/test_rules_of_rollouts.py.
"""

from typing import Any

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
    "a custom resource": spec(workload=of("Game", "example.com/v1")),
    "counts and percentages are not compared": spec({"replicas": 9}, {"replicas": "10%"}),
    "half with traffic": spec({"replicas": "50%", "traffic": "50%"}, trafficRoutings=[ROUTING]),
    "more with traffic, beside": spec({"replicas": "60%", "traffic": "60%"}, **EXTRA, trafficRoutings=[ROUTING]),
    "more as a count": spec({"replicas": 90, "traffic": "60%"}, trafficRoutings=[ROUTING]),
    "no traffic yet, in blue-green": spec({"replicas": "100%", "traffic": "0%"}, style="blueGreen"),
    "traffic may fall": spec({"replicas": "10%", "traffic": "50%"}, {"replicas": "20%", "traffic": "5%"}),
    "an Ingress": spec(trafficRoutings=[{"service": "web", "ingress": {"name": "web"}}]),
    "any object": spec(
        trafficRoutings=[{"service": "web", "customNetworkRefs": [of("VirtualService", "example.com/v1")]}]
    ),
}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a kind without replicas": (spec(workload=of("Job", "batch/v1")), "spec.workloadRef"),
    "no name": (spec(workload={"apiVersion": "apps/v1", "kind": "Deployment"}), "spec.workloadRef.name"),
    "a StatefulSet in blue-green": (spec(style="blueGreen", workload=of("StatefulSet")), "spec.workloadRef"),
    "neither style": ({"workloadRef": DEPLOYMENT, "strategy": {}}, "spec.strategy"),
    "both styles": (
        {"workloadRef": DEPLOYMENT, "strategy": {"canary": {"steps": [{"replicas": 1}]}, "blueGreen": {}}},
        "spec.strategy",
    ),
    "no steps": ({"workloadRef": DEPLOYMENT, "strategy": {"canary": {}}}, "spec.strategy.canary.steps"),
    "two routings": (spec(trafficRoutings=[ROUTING, ROUTING]), "spec.strategy.canary.trafficRoutings"),
    "no replicas": (spec({"traffic": "5%"}), "spec.strategy.canary.steps[0].replicas"),
    "none of them": (spec({"replicas": 0}), "spec.strategy.canary.steps[0].replicas"),
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
    "traffic as a number": (spec({"replicas": 1, "traffic": 20}), "spec.strategy.canary.steps[0].traffic"),
    "fewer percent": (spec({"replicas": "20%"}, {"replicas": "10%"}), "spec.strategy.canary.steps[1].replicas"),
    "fewer pods": (spec({"replicas": 3}, {"replicas": 2}), "spec.strategy.canary.steps[1].replicas"),
    "a negative grace": (
        spec(trafficRoutings=[ROUTING | {"gracePeriodSeconds": -1}]),
        "spec.strategy.canary.trafficRoutings[0].gracePeriodSeconds",
    ),
    "no Service": (
        spec(trafficRoutings=[{"gateway": {"httpRouteName": "web"}}]),
        "spec.strategy.canary.trafficRoutings[0].service",
    ),
    "no route": (spec(trafficRoutings=[{"service": "web"}]), "spec.strategy.canary.trafficRoutings[0]"),
    "an Ingress without a name": (
        spec(trafficRoutings=[{"service": "web", "ingress": {}}]),
        "spec.strategy.canary.trafficRoutings[0].ingress.name",
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

FALLING = ({"replicas": 1, "traffic": "20%"}, {"replicas": 2, "traffic": "10%"})
MOST = {"replicas": "60%", "traffic": "60%"}
CLONES = of("CloneSet", "apps.kruise.io/v1alpha1")
BAD_BEFORE = {
    "a weight that falls": (spec(*FALLING, trafficRoutings=[ROUTING]), "spec.strategy.canary.steps[1].weight"),
    "an extra workload that no CloneSet gets": (
        spec(MOST, **EXTRA, workload=CLONES),
        "spec.strategy.canary.steps[0].replicas",
    ),
}
"""Refused in v1alpha1 alone."""
