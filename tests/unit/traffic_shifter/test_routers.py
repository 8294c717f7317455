"""Every router that is installed passes the conformance kit, and the kit finds what a router could get wrong."""

from collections.abc import Mapping
from typing import Any

import pytest

from tidegate_chassis.plugins import Plugins
from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter.catalogue import ROUTERS, formats
from tidegate_traffic_shifter.conformance import broken
from tidegate_traffic_shifter.formats import Format, Rewritten
from tidegate_traffic_shifter.routers.gateway_http_route import GatewayHttpRoute
from tidegate_traffic_shifter.routers.ingress_nginx import IngressNginx
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share

FORMATS = formats()
BACKEND = {"group": "", "kind": "Service", "name": "web", "port": 80, "weight": 7}


def gateway_route(kind: str, *rules: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop", "annotations": {"team": "a"}}
    spec = {"parentRefs": [{"name": "gate"}], "hostnames": ["web.example"], "rules": list(rules)}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def ingress(*, service: str = "web", **annotations: str) -> dict[str, Any]:
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}, "annotations": annotations},
        "spec": {
            "ingressClassName": "nginx",
            "tls": [{"hosts": ["web.example"], "secretName": "web"}],
            "rules": [{"host": "web.example", "http": {"paths": [path]}}],
        },
    }


MANIFESTS: Mapping[str, dict[str, Any]] = {
    "HTTPRoute": gateway_route(
        "HTTPRoute",
        {
            "name": "all",
            "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
            "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-inner"]}}],
            "backendRefs": [BACKEND],
        },
        {"matches": [{"path": {"type": "Exact", "value": "/old"}}], "filters": [{"type": "RequestRedirect"}]},
    ),
    "GRPCRoute": gateway_route("GRPCRoute", {"backendRefs": [BACKEND]}),
    "Ingress": ingress(),
    "VirtualService": {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "hosts": ["web.example"],
            "http": [
                {"match": [{"uri": {"prefix": "/"}}], "route": [{"destination": {"host": "web"}}], "timeout": "5s"},
                {"name": "moved", "redirect": {"uri": "/"}},
            ],
            "tcp": [
                {"match": [{"port": 443}], "route": [{"destination": {"host": "web.shop", "port": {"number": 1}}}]}
            ],
            "tls": [
                {"match": [{"sniHosts": ["a"]}], "route": [{"destination": {"host": "web.shop.svc.cluster.local"}}]}
            ],
        },
    },
    "HTTPProxy": {
        "apiVersion": "projectcontour.io/v1",
        "kind": "HTTPProxy",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "virtualhost": {"fqdn": "web.example"},
            "routes": [
                {"conditions": [{"prefix": "/"}], "services": [{"name": "web", "port": 80}], "timeoutPolicy": {}},
                {"conditions": [{"prefix": "/old"}], "requestRedirectPolicy": {"path": "/"}},
            ],
            "tcpproxy": {"services": [{"name": "web", "port": 443}]},
        },
    },
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_router_keeps_every_promise(name: str) -> None:
    form = FORMATS[name]
    assert broken(form, MANIFESTS[form.resource.kind], "web") == []


def test_the_contracts_know_what_every_built_in_router_can() -> None:
    assert {name: form.abilities for name, form in FORMATS.items()} == BUILT_IN
    assert set(Plugins(ROUTERS, Format).names) == set(FORMATS)


class Forgetful(GatewayHttpRoute):
    """Puts back rules, but not as they were."""

    def patch(self, part: Any) -> dict[str, Any]:
        return {"spec": {"rules": [rule | {"timeouts": {}} for rule in part]}}


class Careless(GatewayHttpRoute):
    """Leaves the matches out."""

    def render(self, original: Any, namespace: str, share: Share) -> Any:
        return super().render(original, namespace, share.emptied() if share.matches else share)


class Sticky(GatewayHttpRoute):
    """Takes what it wrote for the user's own."""

    def recover(self, edited: Any, original: Any, namespace: str, share: Share) -> Any:
        del original, namespace, share
        return edited


class Silent(IngressNginx):
    """Promises what nginx has no annotation for."""

    abilities = FORMATS["gateway-http-route"].abilities


class Traces(IngressNginx):
    """Never takes an annotation away."""

    def repair(self, found: Route, wanted: dict[str, Any]) -> dict[str, Any] | None:
        return super().repair(found, wanted) and {"metadata": wanted["metadata"]}


@pytest.mark.parametrize(
    ("form", "promise"),
    [
        (Forgetful(), "restores the user's own object byte for byte"),
        (Careless(), "says by headers otherwise than nothing"),
        (Sticky(), "finds the user's own part again: 20 %"),
        (Silent(), "says by query otherwise than by headers"),
        (Traces(), "comes from by headers to 20 % without a trace"),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, str) else "",
)
def test_the_kit_finds_a_router_that_breaks_a_promise(form: Format, promise: str) -> None:
    found = broken(form, MANIFESTS[form.resource.kind], "web")
    assert any(each.startswith(promise.partition(" otherwise")[0]) for each in found), found


def test_a_route_that_sends_elsewhere_holds_nothing_of_the_services() -> None:
    elsewhere = gateway_route("HTTPRoute", {"backendRefs": [BACKEND | {"namespace": "other"}]})
    form = FORMATS["gateway-http-route"]
    assert isinstance(form, Rewritten)
    assert not form.holds(elsewhere["spec"]["rules"], "shop", "web")
