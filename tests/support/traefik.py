"""A user's routes to one Service through Traefik, by each kind of object that it reads, each for a host of its own.

Traefik takes what it is told at most once in two seconds: tests wait for the answers, or ask it what it has taken.
"""

from collections.abc import Collection
from typing import Any, Final

import aiohttp

from support.traffic import QUICK, TrafficRig, service
from tidegate_chassis.kubernetes.resources import INGRESSES, SERVICES, Resource
from tidegate_contracts.rollout import TrafficReference
from tidegate_traffic_shifter.routers.traefik_ingress_route import TraefikIngressRoute
from tidegate_traffic_shifter.routers.traefik_service import TraefikService

PAUSE_S: Final = 2.0
"""Traefik's own, between two configurations (`providersThrottleDuration`)."""

GRACE_S: Final = PAUSE_S + 1.0
"""Longer than that pause: so long requests may still go where they went before."""

INGRESS_ROUTES: Final = TraefikIngressRoute.resource
TRAEFIK_SERVICES: Final = TraefikService.resource
RESOURCES: Final[dict[str, Resource]] = {
    "traefik-ingress-route": INGRESS_ROUTES,
    "traefik-service": TRAEFIK_SERVICES,
    "ingress-nginx": INGRESSES,
}
"""By router."""

Manifest = dict[str, Any]


def references(*routers: str, grace_s: float = GRACE_S) -> tuple[TrafficReference, ...]:
    return tuple(TrafficReference(route="web", service="web", router=each, grace_s=grace_s) for each in routers)


def host(rig: TrafficRig, router: str) -> str:
    return f"{router}.{rig.host}"


def ingress_route(name: str, host_name: str, backend: Manifest) -> Manifest:
    rule = {"kind": "Rule", "match": f"Host(`{host_name}`)", "services": [backend]}
    spec = {"entryPoints": ["web"], "routes": [rule]}
    return {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": name}, "spec": spec}


def traefik_service() -> Manifest:
    spec = {"weighted": {"services": [{"name": "web", "port": 80}]}}
    return {"apiVersion": "traefik.io/v1alpha1", "kind": "TraefikService", "metadata": {"name": "web"}, "spec": spec}


def ingress(host_name: str) -> Manifest:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "annotations": {"team": "a"}},
        "spec": {"ingressClassName": "nginx", "rules": [{"host": host_name, "http": {"paths": [path]}}]},
    }


async def create(rig: TrafficRig, *, v1: int, v2: int, behaviour: str = QUICK) -> None:
    """Pods of both versions and the routes to them, all of it serving."""
    await rig.admin.create(SERVICES, rig.namespace, service())
    for version, replicas in (("v1", v1), ("v2", v2)):
        await rig.run_pods(version, replicas, behaviour)
    by_service = {"kind": "TraefikService", "name": "web"}
    own = ingress_route("web", host(rig, "traefik-ingress-route"), {"name": "web", "port": 80})
    for resource, manifest in (
        (INGRESS_ROUTES, own),
        (INGRESS_ROUTES, ingress_route("by-service", host(rig, "traefik-service"), by_service)),
        (TRAEFIK_SERVICES, traefik_service()),
        (INGRESSES, ingress(host(rig, "ingress-nginx"))),
    ):
        await rig.admin.create(resource, rig.namespace, manifest)


async def user_made(rig: TrafficRig) -> list[Any]:
    """The user's own objects without what the API server counts in them."""
    found = [await rig.read(resource) for resource in (*RESOURCES.values(), SERVICES)]
    return [(each["spec"], each["metadata"].get("annotations"), each["metadata"].get("labels")) for each in found]


async def sends_to(rig: TrafficRig, addresses: Collection[str]) -> bool:
    """Whether Traefik still knows one of the pods as a server of whatever Service."""
    url = f"{rig.sandbox.traefik_admin_url}/api/rawdata"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        taken = await answer.text()
    return any(f"//{address}:" in taken for address in addresses)
