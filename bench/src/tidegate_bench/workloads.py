"""What is rolled out: a workload of every kind, with pods that get ready in 0.3 s and go at once when they are told to.

Pods that took their time to go would make every kind but the Deployment look closer to its floor than it is.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tidegate_bench.lab import image
from tidegate_chassis.kubernetes.resources import (
    ADVANCED_DAEMON_SETS,
    ADVANCED_STATEFUL_SETS,
    CLONE_SETS,
    DAEMON_SETS,
    DEPLOYMENTS,
    STATEFUL_SETS,
    Resource,
)
from tidegate_contracts.rollout import Style

CONTAINER: Final = "web"
PODS: Final = 10
"""Of each workload that is measured by itself; a DaemonSet has one on each of so many nodes."""

Spec = dict[str, Any]


class Shape(NamedTuple):
    """Args:
    label: How the figures call it.
    resource: Its kind.
    spec: What its spec has beside replicas, selector and template.
    per_node: Whether nodes decide how many pods it has.
    """

    label: str
    resource: Resource
    spec: Mapping[str, Any] = {}
    per_node: bool = False


class Variant(NamedTuple):
    """One line of the figures: a shape of workload, and the style in which it is rolled out."""

    shape: Shape
    style: Style

    @property
    def label(self) -> str:
        return f"{self.shape.label} {self.style}"

    @property
    def name(self) -> str:
        """A name for its workload."""
        return self.label.replace(" ", "-").replace("_", "-")


_ORDERED: Final = {"serviceName": "web"}
DEPLOYMENT: Final = Shape("deployment", DEPLOYMENTS)
CLONE_SET: Final = Shape("clone-set", CLONE_SETS)
CLONE_SET_IN_PLACE: Final = Shape("clone-set-in-place", CLONE_SETS, {"updateStrategy": {"type": "InPlaceIfPossible"}})
STATEFUL_SET: Final = Shape("stateful-set", STATEFUL_SETS, _ORDERED)
PARALLEL_STATEFUL_SET: Final = Shape(
    "stateful-set-parallel", STATEFUL_SETS, _ORDERED | {"podManagementPolicy": "Parallel"}
)
ADVANCED_STATEFUL_SET: Final = Shape("advanced-stateful-set", ADVANCED_STATEFUL_SETS, _ORDERED)
DAEMON_SET: Final = Shape("daemon-set", DAEMON_SETS, per_node=True)
ADVANCED_DAEMON_SET: Final = Shape("advanced-daemon-set", ADVANCED_DAEMON_SETS, per_node=True)

VARIANTS: Final = (
    Variant(DEPLOYMENT, "partition"),
    Variant(DEPLOYMENT, "canary"),
    Variant(DEPLOYMENT, "blue_green"),
    Variant(CLONE_SET, "partition"),
    Variant(CLONE_SET, "blue_green"),
    Variant(CLONE_SET_IN_PLACE, "partition"),
    Variant(CLONE_SET_IN_PLACE, "blue_green"),
    Variant(STATEFUL_SET, "partition"),
    Variant(PARALLEL_STATEFUL_SET, "partition"),
    Variant(ADVANCED_STATEFUL_SET, "partition"),
    Variant(DAEMON_SET, "partition"),
    Variant(ADVANCED_DAEMON_SET, "partition"),
)
"""A CloneSet's canary is left out: it is held as blue_green is, pods beside the workload."""


def quick(version: str) -> str:
    """The same version, of pods that go at once."""
    return f"{version}_drain-0"


def template(labels: Mapping[str, str], version: str, nodes: tuple[str, ...] = ()) -> Spec:
    """A pod template; with `nodes`, for these only."""
    pod: Spec = {
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": CONTAINER, "image": image(quick(version)), "ports": [{"containerPort": 8080}]}],
    }
    if nodes:
        chosen = {"key": "kubernetes.io/hostname", "operator": "In", "values": list(nodes)}
        terms = [{"matchExpressions": [chosen]}]
        pod["affinity"] = {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        }
    return {"metadata": {"labels": dict(labels)}, "spec": pod}


def manifest(
    shape: Shape,
    name: str,
    *,
    version: str,
    replicas: int = PODS,
    nodes: tuple[str, ...] = (),
    more_labels: Mapping[str, str] | None = None,
) -> Spec:
    labels = {"app": name, **(more_labels or {})}
    return {
        "apiVersion": shape.resource.api_version,
        "kind": shape.resource.kind,
        "metadata": {"name": name},
        "spec": {
            **({} if shape.per_node else {"replicas": replicas}),
            "selector": {"matchLabels": labels},
            "template": template(labels, version, nodes),
            **shape.spec,
        },
    }
