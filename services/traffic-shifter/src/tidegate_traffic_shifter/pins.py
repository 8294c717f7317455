"""A Service bound to one revision's pods, the canary Service beside it, and the way back; pure.

The stable Service is pinned before the first new pod appears, so that it gets no stray request, and opened again before
the last stable pod goes, so that it is never without pods. Called by `services`, which reads and writes.
"""

from typing import Any, Final

import msgspec

from tidegate_traffic_shifter import marks
from tidegate_traffic_shifter.copied import copied
from tidegate_traffic_shifter.marks import Marks
from tidegate_traffic_shifter.seen import Service

REVISION_LABELS: Final = {"deployment.apps": "pod-template-hash"}
"""The label by which a workload's pods tell their revision, where it isn't the other controllers' own."""
REVISION_LABEL: Final = "controller-revision-hash"

Selector = dict[str, str]
COPIED_PORT_FIELDS: Final = ("name", "protocol", "port", "targetPort", "appProtocol")
HEADLESS: Final = "None"
ADDRESSES: Final = (
    "cloud.google.com/neg-status",
    "consul.hashicorp.com/service-",
    "external-dns.",
    "getambassador.io/",
    "tailscale.com/",
)
"""Annotations by which a Service gets requests under a name of its own: they would come past the route's share."""


def revision_label(kind: str) -> str:
    """The label for a workload's kind as in its key, such as `deployment.apps`."""
    return REVISION_LABELS.get(kind, REVISION_LABEL)


def original_selector(service: Service, label: str) -> Selector:
    """The user's own selector: what was saved, or what somebody has made of it since."""
    current = service.spec.selector or {}
    text = service.metadata.annotations.get(marks.ORIGINAL_SELECTOR)
    if text is None:
        return current
    saved = msgspec.json.decode(text, type=Selector)
    edited = {name: value for name, value in current.items() if name != label}
    return saved if edited == {name: value for name, value in saved.items() if name != label} else edited


def pin(service: Service, label: str, revision: str, ours: Marks) -> dict[str, Any]:
    """The patch that binds the Service to a revision."""
    original = original_selector(service, label)
    wanted = original | {label: revision}
    return _patch(service, wanted, ours.annotations(**{"original-selector": original}))


def is_pinned(service: Service, label: str, revision: str) -> bool:
    return marks.ORIGINAL_SELECTOR in service.metadata.annotations and (
        service.spec.selector or {}
    ) == original_selector(service, label) | {label: revision}


def is_pinned_by_another(service: Service, label: str) -> bool:
    """Whether the user's own selector names a revision, as another tool's release leaves it.

    It would come back at the end, when nobody has that revision any more.
    """
    return marks.ORIGINAL_SELECTOR not in service.metadata.annotations and label in (service.spec.selector or {})


def opened(service: Service, label: str, ours: Marks) -> dict[str, Any]:
    """The patch that gives the Service all its pods while it is still held."""
    original = original_selector(service, label)
    return _patch(service, original, ours.annotations(**{"original-selector": original}))


def is_opened(service: Service, label: str) -> bool:
    return marks.ORIGINAL_SELECTOR in service.metadata.annotations and (
        service.spec.selector or {}
    ) == original_selector(service, label)


def unpin(service: Service, label: str) -> dict[str, Any]:
    """The patch that gives the Service its own selector back and takes our marks away."""
    return _patch(service, original_selector(service, label), marks.removal())


def _patch(service: Service, wanted: Selector, annotations: dict[str, Any]) -> dict[str, Any]:
    gone = dict.fromkeys(set(service.spec.selector or {}) - set(wanted))
    metadata = {"resourceVersion": service.metadata.resource_version, "annotations": annotations}
    return {"metadata": metadata, "spec": {"selector": wanted | gone}}


def canary_service(stable: Service, name: str, label: str, revision: str, ours: Marks) -> dict[str, Any]:
    """A Service like the stable one for the new revision's pods.

    `publishNotReadyAddresses` stays behind: pods that aren't ready would count as endpoints, and get a share.
    `internalTrafficPolicy`, too: with `Local`, requests from nodes without a new pod would be dropped.
    """
    spec: dict[str, Any] = {
        "type": "ClusterIP",
        "selector": original_selector(stable, label) | {label: revision},
        "ports": [_port(port) for port in stable.spec.ports or ()],
        "ipFamilies": stable.spec.ip_families,
        "ipFamilyPolicy": stable.spec.ip_family_policy,
        "sessionAffinity": stable.spec.session_affinity,
        "sessionAffinityConfig": stable.spec.session_affinity_config,
        "trafficDistribution": stable.spec.traffic_distribution,
        "clusterIP": HEADLESS if stable.spec.cluster_ip == HEADLESS else None,
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": stable.metadata.namespace,
            "labels": copied(stable.metadata.labels) | {marks.MANAGED_BY: marks.MANAGER},
            "annotations": _annotations(stable) | ours.annotations(),
        },
        "spec": {field: value for field, value in spec.items() if value is not None},
    }


def repaired_canary(canary: Service, wanted: dict[str, Any]) -> dict[str, Any]:
    """The patch that puts a canary Service right, what somebody added to its selector included."""
    spec = {field: wanted["spec"][field] for field in ("selector", "ports")}
    gone = dict.fromkeys(set(canary.spec.selector or {}) - set(spec["selector"]))
    metadata = {field: wanted["metadata"][field] for field in ("labels", "annotations")}
    metadata["resourceVersion"] = canary.metadata.resource_version
    return {"metadata": metadata, "spec": spec | {"selector": spec["selector"] | gone}}


def is_canary(canary: Service, wanted: dict[str, Any]) -> bool:
    """Whether the canary Service sends to the right pods.

    Labels and annotations are not compared: controllers write theirs on Services, and whoever edits them here may.
    """
    return _sends_to(canary) == {field: wanted["spec"][field] for field in ("selector", "ports")}


def edited_canary(canary: Service, wanted: dict[str, Any]) -> dict[str, Any]:
    """What of its spec is not as wanted, as a merge patch says it. A selector is owned as a whole."""
    return {field: found for field, found in _sends_to(canary).items() if found != wanted["spec"][field]}


def _sends_to(canary: Service) -> dict[str, Any]:
    return {"selector": canary.spec.selector or {}, "ports": [_port(port) for port in canary.spec.ports or ()]}


def is_ours(service: Service) -> bool:
    """Whether we made the Service."""
    return (
        service.metadata.labels.get(marks.MANAGED_BY) == marks.MANAGER
        and marks.read(service.metadata.annotations) is not None
    )


def _annotations(stable: Service) -> dict[str, str]:
    """The user's own that say how pods are spoken to."""
    own = copied(stable.metadata.annotations)
    return {name: value for name, value in own.items() if not name.startswith(ADDRESSES)}


def _port(port: dict[str, Any]) -> dict[str, Any]:
    return {field: port[field] for field in COPIED_PORT_FIELDS if field in port}
