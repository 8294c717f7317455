"""A user's two VirtualServices through a mesh's gateway: one by two Services, one by subsets of a single Service.

Both Services have the same pods. Nothing is retried: Istio would do so by itself, and a loss would hide behind it.
"""

from typing import Any, Final

from support.traffic import QUICK, TrafficRig, service
from tidegate_chassis.kubernetes.resources import DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES
from tidegate_contracts.rollout import TrafficReference
from tidegate_sandbox.parts.mesh import GATEWAY, NAMESPACE

GRACE_S: Final = 1.0
"""Longer than istiod waits for more changes (0.1 s)."""

BY_SERVICES, BY_SUBSETS = "web", "one"
"""Of the Services, and the routes to them."""

NAMES: Final = (BY_SERVICES, BY_SUBSETS)
API: Final = "networking.istio.io/v1"

Manifest = dict[str, Any]


def references(*, grace_s: float = GRACE_S, by: tuple[str, ...] = NAMES) -> tuple[TrafficReference, ...]:
    def reference(router: str, name: str, canary: str | None) -> TrafficReference:
        route = f"istio-{router}"
        return TrafficReference(route=name, service=name, canary_service=canary, router=route, grace_s=grace_s)

    found = {
        BY_SERVICES: (reference("virtual-service", BY_SERVICES, None),),
        BY_SUBSETS: (
            reference("virtual-service", BY_SUBSETS, BY_SUBSETS),
            reference("destination-rule", BY_SUBSETS, BY_SUBSETS),
        ),
    }
    return tuple(each for name in by for each in found[name])


def host(rig: TrafficRig, name: str) -> str:
    return f"{name}.{rig.host}"


def virtual_service(name: str, host_name: str) -> Manifest:
    rule = {"route": [{"destination": {"host": name}}], "retries": {"attempts": 0}}
    spec = {"hosts": [host_name], "gateways": [f"{NAMESPACE}/{GATEWAY}"], "http": [rule]}
    return {"apiVersion": API, "kind": "VirtualService", "metadata": {"name": name}, "spec": spec}


def destination_rule(name: str) -> Manifest:
    """With a policy, and a subset of the user's own."""
    spec = {
        "host": name,
        "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}},
        "subsets": [{"name": "all", "labels": {"app": "web"}}],
    }
    return {"apiVersion": API, "kind": "DestinationRule", "metadata": {"name": name}, "spec": spec}


async def create(rig: TrafficRig, *, v1: int, v2: int, behaviour: str = QUICK) -> None:
    """Pods of both versions and the routes to them, all of it serving."""
    for name in NAMES:
        await rig.admin.create(SERVICES, rig.namespace, service(name))
    for version, replicas in (("v1", v1), ("v2", v2)):
        await rig.run_pods(version, replicas, behaviour)
    await rig.admin.create(DESTINATION_RULES, rig.namespace, destination_rule(BY_SUBSETS))
    for name in NAMES:
        await rig.admin.create(VIRTUAL_SERVICES, rig.namespace, virtual_service(name, host(rig, name)))


async def canary_weights(rig: TrafficRig) -> list[int]:
    """Of the canary Service in the route by two of them; none while the route doesn't name it."""
    (rule,) = (await rig.read(VIRTUAL_SERVICES, BY_SERVICES))["spec"]["http"]
    return [each["weight"] for each in rule["route"] if each["destination"]["host"] == f"{BY_SERVICES}-canary"]


async def user_made(rig: TrafficRig) -> list[Any]:
    """The user's own objects without what the API server counts in them."""
    found = [await rig.read(resource, name) for resource in (VIRTUAL_SERVICES, SERVICES) for name in NAMES]
    found.append(await rig.read(DESTINATION_RULES, BY_SUBSETS))
    return [(each["spec"], each["metadata"].get("annotations"), each["metadata"].get("labels")) for each in found]
