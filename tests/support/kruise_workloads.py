"""Workloads of every kind on the sandbox with OpenKruise: their manifests, and what their real pods are like.

For blocking tests; asynchronous ones call these by `asyncio.to_thread`.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from support.sandbox import kubectl, until_true
from tidegate_sandbox.state import SandboxState

READY_WITHIN_S = 20.0
IN_PLACE_GATE = "InPlaceUpdateReady"
Manifest = dict[str, Any]
# Quick to come and to go: what these tests are about is who does it.
V1 = "registry.example/web:v1_ready-0.1_drain-0"
V2 = "registry.example/web:v2_ready-0.1_drain-0"


@dataclass(frozen=True)
class Kind:
    """Args:
    resource: what kubectl calls it, with its group.
    spec: of the workload, beside replicas, selector and template.
    pod_spec: of its pods, beside their containers.
    per_node: it has as many pods as there are nodes.
    in_place: an update of the image leaves the pods and restarts their containers.
    """

    name: str
    api_version: str
    resource: str
    spec: Manifest = field(default_factory=dict)
    pod_spec: Manifest = field(default_factory=dict)
    per_node: bool = False
    in_place: bool = False


KRUISE = "apps.kruise.io/v1alpha1"
ORDERLY = {"serviceName": "web", "podManagementPolicy": "Parallel"}
KINDS = {
    "Deployment": Kind("Deployment", "apps/v1", "deployments.apps"),
    "StatefulSet": Kind("StatefulSet", "apps/v1", "statefulsets.apps", ORDERLY),
    "DaemonSet": Kind("DaemonSet", "apps/v1", "daemonsets.apps", per_node=True),
    "CloneSet that recreates": Kind("CloneSet", KRUISE, "clonesets.apps.kruise.io"),
    "CloneSet in place": Kind(
        "CloneSet",
        KRUISE,
        "clonesets.apps.kruise.io",
        {"updateStrategy": {"type": "InPlaceIfPossible", "maxUnavailable": 2}},
        in_place=True,
    ),
    "Advanced StatefulSet that recreates": Kind(
        "StatefulSet", "apps.kruise.io/v1beta1", "statefulsets.apps.kruise.io", ORDERLY
    ),
    "Advanced StatefulSet in place": Kind(
        "StatefulSet",
        "apps.kruise.io/v1beta1",
        "statefulsets.apps.kruise.io",
        ORDERLY | {"updateStrategy": {"rollingUpdate": {"podUpdatePolicy": "InPlaceIfPossible", "maxUnavailable": 2}}},
        # Its webhook refuses the in-place policy for a template without the gate.
        {"readinessGates": [{"conditionType": IN_PLACE_GATE}]},
        in_place=True,
    ),
    "Advanced DaemonSet": Kind(
        "DaemonSet",
        KRUISE,
        "daemonsets.apps.kruise.io",
        {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 2}}},
        per_node=True,
    ),
}


def manifest(kind: Kind, name: str, image: str = V1, replicas: int = 4, **pod_spec: Any) -> Manifest:
    labels = {"app": name}
    container = {"name": "web", "image": image, "ports": [{"containerPort": 8080}]}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]} | kind.pod_spec | pod_spec},
    }
    if not kind.per_node:
        spec["replicas"] = replicas
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {"name": name},
        "spec": spec | kind.spec,
    }


@dataclass(frozen=True)
class Workload:
    """One workload of a namespace; its name is its pods' label `app`."""

    sandbox: SandboxState
    namespace: str
    kind: Kind
    name: str = "web"

    @property
    def path(self) -> str:
        return f"{self.kind.resource}/{self.name}"

    def create(self, **options: Any) -> None:
        self.apply(manifest(self.kind, self.name, **options))

    def apply(self, one: Manifest) -> None:
        kubectl(self.sandbox, "-n", self.namespace, "apply", "-f", "-", manifest=json.dumps(one))

    def patch(self, spec: Manifest) -> None:
        change = json.dumps({"spec": spec})
        kubectl(self.sandbox, "-n", self.namespace, "patch", self.path, "--type=merge", "-p", change)

    def set_image(self, image: str) -> None:
        containers = self.read()["spec"]["template"]["spec"]["containers"]
        self.patch({"template": {"spec": {"containers": [containers[0] | {"image": image}]}}})

    def read(self) -> Manifest:
        text = kubectl(self.sandbox, "-n", self.namespace, "get", self.path, "-o", "json")
        found: Manifest = json.loads(text)
        return found

    def pods(self) -> list[Manifest]:
        """Those that are not on their way out."""
        text = kubectl(self.sandbox, "-n", self.namespace, "get", "pods", "-l", f"app={self.name}", "-o", "json")
        return [pod for pod in json.loads(text)["items"] if "deletionTimestamp" not in pod["metadata"]]

    def until_ready(self, count: int, image: str | None = None) -> list[Manifest]:
        """Wait for exactly this many pods, all Ready, all of the image; return them."""
        found: list[Manifest] = []

        def as_wanted() -> bool:
            found[:] = self.pods()
            return len(found) == count and all(is_ready(pod) and image in {None, running_image(pod)} for pod in found)

        until_true(as_wanted, within_s=READY_WITHIN_S, what=f"{count} ready pods of {image or 'any image'}")
        return found

    def until_updated(self, count: int, of: int) -> None:
        """Wait until the controller has seen all and says that this many pods are updated, of as many Ready ones."""

        def as_wanted() -> bool:
            found = self.read()
            status = found["status"]
            updated = status.get("updatedNumberScheduled" if self.kind.per_node else "updatedReplicas", 0)
            ready = status.get("numberReady" if self.kind.per_node else "readyReplicas", 0)
            seen = status.get("observedGeneration") == found["metadata"]["generation"]
            return seen and updated == count and ready == of

        until_true(as_wanted, within_s=READY_WITHIN_S, what=f"{count} updated pods of {of}")


def is_ready(pod: Manifest) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))


def running_image(pod: Manifest) -> str:
    return str(pod["status"]["containerStatuses"][0]["image"])


def uids(pods: list[Manifest]) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods}
