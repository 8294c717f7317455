"""Objects of a made-up kind and an Ingress of a made-up class, by scripts in a ConfigMap, on a real API server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.traffic import GRACE_S, TrafficRig, service
from support.until import until

from tidegate_chassis.errors import OperatingError
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import CONFIG_MAPS, INGRESSES, SERVICES, Resource
from tidegate_contracts.facts import TrafficRefused, TrafficReleased, TrafficRepaired, TrafficShifted
from tidegate_contracts.rollout import TrafficReference
from tidegate_traffic_shifter.script_sources import CONFIG_MAP

pytestmark = pytest.mark.sandbox

GROUP = "doors.example.org"
DOORS = Resource(GROUP, "v1", "doors", "Door")
DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
NAME = "test-doors"
SCRIPTS = {
    f"lua.traffic.routing.Door.{GROUP}": """
        local spec = obj.data.spec
        spec.ways[1].parts = obj.stableWeight
        table.insert(spec.ways, { to = obj.canaryService, parts = obj.canaryWeight })
        obj.data.labels.shared = "yes"
        return obj.data
    """,
    "lua.traffic.routing.ingress.Made-up": """
        obj.annotations["made-up/share"] = obj.weight
        obj.annotations["made-up/to-" .. obj.canaryService] = obj.weight ~= "0" and "open" or nil
        return obj.annotations
    """,
}
WAY = {"type": "object", "properties": {"to": {"type": "string"}, "parts": {"type": "integer", "default": 1}}}


def definition() -> dict[str, Any]:
    """With a default that a script doesn't know of."""
    way = WAY | {"properties": WAY["properties"] | {"mode": {"type": "string", "default": "plain"}}}  # type: ignore[operator]
    spec = {
        "type": "object",
        "properties": {"ways": {"type": "array", "items": way}, "note": {"type": "string"}},
    }
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    return {
        "apiVersion": DEFINITIONS.api_version,
        "kind": DEFINITIONS.kind,
        "metadata": {"name": f"doors.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "doors", "singular": "door", "kind": "Door"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def rights() -> list[tuple[Resource, dict[str, Any]]]:
    rule = {"apiGroups": [GROUP], "resources": ["doors"], "verbs": ["get", "list", "watch", "patch"]}
    reference = {"apiGroup": ROLES.group, "kind": ROLES.kind, "name": NAME}
    subject = {"kind": "ServiceAccount", "name": "traffic-shifter", "namespace": "tidegate-system"}
    made = [(ROLES, {"rules": [rule]}), (BINDINGS, {"roleRef": reference, "subjects": [subject]})]
    return [
        (each, body | {"apiVersion": each.api_version, "kind": each.kind, "metadata": {"name": NAME}})
        for each, body in made
    ]


def door() -> dict[str, Any]:
    metadata = {"name": "front", "labels": {"team": "a"}, "annotations": {"why": "because"}}
    return {
        "apiVersion": DOORS.api_version,
        "kind": DOORS.kind,
        "metadata": metadata,
        "spec": {"ways": [{"to": "web"}], "note": "mine"},
    }


def ingress() -> dict[str, Any]:
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
    spec = {"ingressClassName": "none", "rules": [{"host": "made-up.example", "http": {"paths": [path]}}]}
    metadata = {"name": "side", "annotations": {"team": "a"}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


@asynccontextmanager
async def made(client: KubernetesClient, resource: Resource, namespace: str | None, body: Any) -> AsyncIterator[None]:
    name = body["metadata"]["name"]
    await client.create(resource, namespace, body, name=name)
    try:
        yield
    finally:
        found = await client.get(resource, namespace, name)
        assert not isinstance(found, NotFound)
        uid = (await client.read(resource, namespace, name, Named)).metadata.uid  # type: ignore[union-attr]
        await client.delete(resource, namespace, name, uid=uid)
