"""Services bound to a revision, and given back."""

from typing import Any

import msgspec
import pytest

from tidegate_traffic_shifter import marks, pins
from tidegate_traffic_shifter.marks import Marks
from tidegate_traffic_shifter.seen import Service

LABEL = "pod-template-hash"
OURS = Marks("deployment.apps/web", 3)


def service(selector: dict[str, str], **annotations: str) -> Service:
    body = {
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "uid": "u",
            "resourceVersion": "5",
            "annotations": annotations,
        },
        "spec": {
            "selector": selector,
            "type": "LoadBalancer",
            "clusterIP": "10.96.0.7",
            "ipFamilies": ["IPv4"],
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "nodePort": 30001}],
        },
    }
    return msgspec.convert(body, Service)


def merged(before: Service, patch: dict[str, Any]) -> Service:
    """What the API server makes of a merge patch."""
    selector = {**(before.spec.selector or {}), **patch["spec"]["selector"]}
    annotations = {**before.metadata.annotations, **patch["metadata"]["annotations"]}
    kept = {name: value for name, value in annotations.items() if value is not None}
    return service({name: value for name, value in selector.items() if value is not None}, **kept)


@pytest.mark.parametrize("own", [{"app": "web"}, {"app": "web", LABEL: "users"}], ids=["plain", "pinned by the user"])
def test_pinned_and_given_back_the_selector_is_the_users_own(own: dict[str, str]) -> None:
    before = service(own, note="theirs")
    pinned = merged(before, pins.pin(before, LABEL, "v1", OURS))
    assert pinned.spec.selector == {"app": "web", LABEL: "v1"}
    assert pins.is_pinned(pinned, LABEL, "v1")
    assert not pins.is_pinned(pinned, LABEL, "v2")
    assert marks.read(pinned.metadata.annotations) == OURS

    after = merged(pinned, pins.unpin(pinned, LABEL))
    assert after == before


@pytest.mark.parametrize("own", [{"app": "web"}, {"app": "web", LABEL: "users"}], ids=["plain", "pinned by the user"])
def test_opened_it_has_all_pods_and_is_held_still(own: dict[str, str]) -> None:
    before = service(own, note="theirs")
    pinned = merged(before, pins.pin(before, LABEL, "v1", OURS))
    assert not pins.is_opened(pinned, LABEL)
    opened = merged(pinned, pins.opened(pinned, LABEL, OURS))
    assert opened.spec.selector == own
    assert pins.is_opened(opened, LABEL)
    assert not pins.is_pinned(opened, LABEL, "v1")
    assert marks.read(opened.metadata.annotations) == OURS
    assert merged(opened, pins.pin(opened, LABEL, "v1", OURS)) == pinned
    assert merged(opened, pins.unpin(opened, LABEL)) == before


def test_a_selector_that_was_edited_meanwhile_is_the_new_original() -> None:
    before = service({"app": "web"})
    pinned = merged(before, pins.pin(before, LABEL, "v1", OURS))
    edited = service({"app": "web", "tier": "front"}, **pinned.metadata.annotations)
    assert not pins.is_pinned(edited, LABEL, "v1")

    again = merged(edited, pins.pin(edited, LABEL, "v1", OURS))
    assert again.spec.selector == {"app": "web", "tier": "front", LABEL: "v1"}
    assert merged(again, pins.unpin(again, LABEL)).spec.selector == {"app": "web", "tier": "front"}


def test_a_revision_in_a_selector_that_we_do_not_hold_is_another_tools() -> None:
    left = service({"app": "web", LABEL: "v1"})
    assert pins.is_pinned_by_another(left, LABEL)
    assert not pins.is_pinned_by_another(left, "controller-revision-hash")
    assert not pins.is_pinned_by_another(service({"app": "web"}), LABEL)
    ours = merged(service({"app": "web"}), pins.pin(service({"app": "web"}), LABEL, "v1", OURS))
    assert not pins.is_pinned_by_another(ours, LABEL)


def test_a_pin_that_somebody_took_off_is_put_on_again() -> None:
    before = service({"app": "web"})
    pinned = merged(before, pins.pin(before, LABEL, "v1", OURS))
    opened = service({"app": "web"}, **pinned.metadata.annotations)
    assert not pins.is_pinned(opened, LABEL, "v1")
    assert merged(opened, pins.pin(opened, LABEL, "v1", OURS)) == pinned


def test_every_write_is_made_on_the_version_that_was_read() -> None:
    before = service({"app": "web"})
    assert pins.pin(before, LABEL, "v1", OURS)["metadata"]["resourceVersion"] == "5"
    assert pins.unpin(before, LABEL)["metadata"]["resourceVersion"] == "5"


def test_the_canary_service_is_inside_the_cluster_only_and_selects_the_new_revision() -> None:
    stable = service({"app": "web"})
    pinned = merged(stable, pins.pin(stable, LABEL, "v1", OURS))
    body = pins.canary_service(pinned, "web-canary", LABEL, "v2", OURS)
    assert body["spec"] == {
        "type": "ClusterIP",
        "selector": {"app": "web", LABEL: "v2"},
        "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": "http"}],
        "ipFamilies": ["IPv4"],
    }
    made = msgspec.convert(body, Service)
    assert pins.is_ours(made)
    assert pins.is_canary(made, body)
    assert not pins.is_canary(made, pins.canary_service(pinned, "web-canary", LABEL, "v3", OURS))
    assert not pins.is_ours(stable)


def labelled(**more: Any) -> Service:
    """The stable Service with what users and their tools write on one."""
    stable = service({"app": "web"})
    metadata = msgspec.structs.replace(
        stable.metadata,
        labels={
            "app": "web",
            "team": "shop",
            "app.kubernetes.io/managed-by": "Helm",
            "app.kubernetes.io/instance": "web",
            "argocd.argoproj.io/instance": "web",
            "kustomize.toolkit.fluxcd.io/name": "web",
            "helm.toolkit.fluxcd.io/name": "web",
            "objectset.rio.cattle.io/hash": "1",
            "kapp.k14s.io/app": "1",
            "applyset.kubernetes.io/part-of": "set",
        },
        annotations={
            "projectcontour.io/upstream-protocol.h2c": "80",
            "traefik.ingress.kubernetes.io/service.serversscheme": "h2c",
            "alb.ingress.kubernetes.io/healthcheck-path": "/ready",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "argocd.argoproj.io/tracking-id": "web:/Service:shop/web",
            "meta.helm.sh/release-name": "web",
            "config.k8s.io/owning-inventory": "1",
            "external-dns.alpha.kubernetes.io/hostname": "shop.example",
            "cloud.google.com/neg-status": "{}",
        },
    )
    return Service(metadata=metadata, spec=msgspec.structs.replace(stable.spec, **more))


def test_the_canary_service_has_the_users_labels_and_annotations_and_no_tools() -> None:
    stable = labelled()
    annotations = stable.metadata.annotations | pins.pin(stable, LABEL, "v1", OURS)["metadata"]["annotations"]
    pinned = Service(msgspec.structs.replace(stable.metadata, annotations=annotations), stable.spec)
    assert pins.canary_service(pinned, "web-canary", LABEL, "v2", OURS)["metadata"] == {
        "name": "web-canary",
        "namespace": "shop",
        "labels": {"app": "web", "team": "shop", "app.kubernetes.io/managed-by": "tidegate"},
        "annotations": {
            "projectcontour.io/upstream-protocol.h2c": "80",
            "traefik.ingress.kubernetes.io/service.serversscheme": "h2c",
            "alb.ingress.kubernetes.io/healthcheck-path": "/ready",
            **OURS.annotations(),
        },
    }


def test_the_canary_service_keeps_clients_and_zones_as_the_users_own_does() -> None:
    seconds = {"clientIP": {"timeoutSeconds": 60}}
    stable = labelled(
        session_affinity="ClientIP", session_affinity_config=seconds, traffic_distribution="PreferSameZone"
    )
    spec = pins.canary_service(stable, "web-canary", LABEL, "v2", OURS)["spec"]
    assert (spec["sessionAffinity"], spec["sessionAffinityConfig"]) == ("ClientIP", seconds)
    assert spec["trafficDistribution"] == "PreferSameZone"


def test_a_canary_service_of_before_with_nothing_copied_stands_and_gets_it_when_it_is_put_right() -> None:
    stable = labelled()
    earlier = msgspec.convert(pins.canary_service(service({"app": "web"}), "web-canary", LABEL, "v2", OURS), Service)
    assert "team" not in earlier.metadata.labels
    assert pins.is_canary(earlier, pins.canary_service(stable, "web-canary", LABEL, "v2", OURS))
    patch = pins.repaired_canary(earlier, pins.canary_service(stable, "web-canary", LABEL, "v3", OURS))
    assert patch["metadata"]["labels"]["team"] == "shop"
    assert patch["metadata"]["annotations"]["projectcontour.io/upstream-protocol.h2c"] == "80"


def test_what_somebody_added_to_the_canary_services_selector_goes_again() -> None:
    stable = service({"app": "web"})
    body = pins.canary_service(stable, "web-canary", LABEL, "v2", OURS)
    disturbed = msgspec.convert(body, Service)
    disturbed = msgspec.structs.replace(
        disturbed, spec=msgspec.structs.replace(disturbed.spec, selector={"app": "x", "extra": "y", LABEL: "v2"})
    )
    patch = pins.repaired_canary(disturbed, body)
    assert patch["spec"]["selector"] == {"app": "web", "extra": None, LABEL: "v2"}
    assert pins.edited_canary(disturbed, body) == {"selector": {"app": "x", "extra": "y", LABEL: "v2"}}
    assert not pins.is_canary(disturbed, body)


def test_other_controllers_revisions_have_another_label() -> None:
    assert pins.revision_label("deployment.apps") == "pod-template-hash"
    assert pins.revision_label("statefulset.apps") == "controller-revision-hash"
