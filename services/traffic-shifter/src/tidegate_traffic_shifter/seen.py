"""Routes, Services and their endpoints: the few fields that are read of them.

Lists may come as null from the API server; `or ()` at the place of use is the price of reading little.
"""

from typing import Any

import msgspec

from tidegate_chassis.kubernetes.objects import KubernetesObject

Rule = dict[str, Any]
"""A route's rule as plain JSON: fields that we don't know must survive a rewrite."""


class Condition(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    status: str
    reason: str = ""
    message: str = ""
    observed_generation: int = 0
    errors: list[dict[str, str]] | None = None
    """Contour's own, of an HTTPProxy."""

    @property
    def told(self) -> str:
        """What went wrong, as exactly as it is said."""
        errors = "; ".join(f"{each.get('reason', '')}: {each.get('message', '')}" for each in self.errors or ())
        return errors or self.message or self.reason


class ParentStatus(msgspec.Struct, frozen=True, rename="camel"):
    parent_ref: dict[str, Any] = {}
    conditions: list[Condition] | None = None


class RouteStatus(msgspec.Struct, frozen=True, rename="camel"):
    parents: list[ParentStatus] | None = None
    """Of the Gateway API's routes: what each gateway says."""
    conditions: list[Condition] | None = None
    """Of others: what their one controller says."""


class Route(KubernetesObject, frozen=True):
    """Any kind of route: what a router doesn't know of it must survive."""

    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: RouteStatus = RouteStatus()

    @property
    def rules(self) -> list[Rule]:
        found: list[Rule] | None = self.spec.get("rules")
        return found or []


class ServiceSpec(msgspec.Struct, frozen=True, rename="camel"):
    selector: dict[str, str] | None = None
    ports: list[dict[str, Any]] | None = None
    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(name="clusterIP", default="")
    ip_families: list[str] | None = None
    ip_family_policy: str | None = None
    session_affinity: str | None = None
    session_affinity_config: dict[str, Any] | None = None
    traffic_distribution: str | None = None


class Service(KubernetesObject, frozen=True):
    spec: ServiceSpec = ServiceSpec()


class EndpointConditions(msgspec.Struct, frozen=True):
    ready: bool | None = None
    terminating: bool | None = None


class TargetReference(msgspec.Struct, frozen=True):
    uid: str = ""


class Endpoint(msgspec.Struct, frozen=True, rename="camel"):
    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    target_ref: TargetReference | None = None


class EndpointSlice(KubernetesObject, frozen=True):
    endpoints: list[Endpoint] | None = None
