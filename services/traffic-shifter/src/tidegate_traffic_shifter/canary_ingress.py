"""The Ingress beside the user's own, by which controllers with canary annotations choose the new version. Pure.

The base of `routers.ingress_*`, which say what the annotations are. The formats are those of Kruise's own scripts;
where one of those leaves out in silence what it has no place for, it is refused (`tidegate_contracts.routers`).
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_chassis.kubernetes.resources import INGRESSES
from tidegate_contracts.routers import COOKIE, Abilities
from tidegate_traffic_shifter import marks
from tidegate_traffic_shifter.acceptance import Untold
from tidegate_traffic_shifter.copied import TOOLS, copied
from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share

SPEC_FIELDS: Final = ("ingressClassName", "tls", "rules")
"""What a canary Ingress has of the user's own."""

Annotations = dict[str, str]


class CanaryIngress(Untold):
    """A `Beside` format but for its abilities, `prefix`, `owned` and what more than nginx's annotations it has.

    Attributes:
        prefix: Before the names of the annotations.
        owned: Annotations, by how their names begin, that say what a canary is: those of the user's own Ingress are not
            taken over, and nobody else's stay.
        also: Others of ours that the user's own Ingress may have, too: those are taken over, and nobody else's stay.
        class_type: What Kruise calls the class: a script of the cluster's for it goes first (`script_first`).
    """

    resource = INGRESSES
    abilities: Abilities
    prefix: ClassVar[str]
    owned: ClassVar[tuple[str, ...]]
    also: ClassVar[tuple[str, ...]] = ()
    class_type: ClassVar[str] = ""

    def annotations(self, share: Share, own: Mapping[str, str]) -> Annotations:
        """What says that it is a canary, and of which requests; `own` are those of the user's Ingress."""
        del own
        return self.canary_annotations(share)

    def canary_annotations(self, share: Share) -> Annotations:
        found = {"canary": "true"}
        if share.weight_percent or not share.matches:
            found["canary-weight"] = str(share.weight_percent)
        for match in share.matches:
            for name, value in match.headers.items():
                if name == COOKIE:
                    found["canary-by-cookie"] = value
                else:
                    found |= {"canary-by-header": name, "canary-by-header-value": value}
            for name, value in match.headers_regex.items():
                found |= {"canary-by-header": name, "canary-by-header-pattern": value}
        return {self.prefix + name: value for name, value in found.items()}

    def name(self, route: str) -> str:
        return f"{route}-canary"

    def sends_to(self, route: Route, service: str) -> bool:
        return bool(_rules(route, service, service))

    def canary(self, route: Route, share: Share) -> Body:
        own = route.metadata.annotations
        kept = {name: value for name, value in copied(own).items() if not name.startswith(self.owned)}
        fields = {field: route.spec[field] for field in ("ingressClassName", "tls") if field in route.spec}
        return {
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            "metadata": {
                "name": self.name(route.metadata.name),
                "namespace": route.metadata.namespace,
                "labels": copied(route.metadata.labels) | {marks.MANAGED_BY: marks.MANAGER},
                "annotations": kept | self.annotations(share, own),
            },
            "spec": fields | {"rules": _rules(route, share.service, share.canary_service)},
        }

    def repair(self, found: Route, wanted: Body) -> Body | None:
        metadata, spec = wanted["metadata"], wanted["spec"]
        stale = [
            name
            for name in found.metadata.annotations
            if name.startswith((*self.owned, *self.also)) and name not in metadata["annotations"]
        ]
        changed = {
            "labels": _missing(metadata["labels"], found.metadata.labels),
            "annotations": _missing(metadata["annotations"], found.metadata.annotations) | dict.fromkeys(stale),
        }
        fields = {name: spec.get(name) for name in SPEC_FIELDS if _differs(name, found.spec, spec)}
        if not changed["labels"] and not changed["annotations"] and not fields:
            return None
        return {"metadata": changed, "spec": fields}


def own_annotations(found: KubernetesObject) -> dict[str, str]:
    """The user's own, without our marks and those that tools know their objects by."""
    annotations = found.metadata.annotations
    return {name: value for name, value in annotations.items() if not name.startswith((*TOOLS, marks.PREFIX))}


def _missing(wanted: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str | None]:
    return {name: value for name, value in wanted.items() if found.get(name) != value}


def _differs(name: str, found: Body, wanted: Body) -> bool:
    """A class that the user's Ingress doesn't name may be the cluster's default one, put in by the API server."""
    if name == "ingressClassName" and name not in wanted:
        return False
    return bool(found.get(name) != wanted.get(name))


def _rules(route: Route, service: str, to: str) -> list[dict[str, Any]]:
    """The user's rules that send to the Service, sending to the other one; their other paths are left out."""
    rules = []
    for rule in route.spec.get("rules") or []:
        paths = [
            path | {"backend": path["backend"] | {"service": path["backend"]["service"] | {"name": to}}}
            for path in (rule.get("http") or {}).get("paths") or []
            if (path["backend"].get("service") or {}).get("name") == service
        ]
        if paths:
            rules.append(rule | {"http": {"paths": paths}})
    return rules
