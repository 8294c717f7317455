"""Objects as users write them, one for each built-in router: all that they send goes to the Service `web`.

The conformance kit tries each format on its own; tests/integration/traffic_shifter writes them to a real API server.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from support.sandbox import kubectl
from support.sources import REPOSITORY
from tidegate_chassis.kubernetes.resources import DESTINATION_RULES, VIRTUAL_SERVICES
from tidegate_sandbox.state import SandboxState
from tidegate_sandbox.toolchain import ensure

DEFINITIONS: Final = Path(__file__).parent / "route_definitions"
Manifest = dict[str, Any]

BACKEND: Final = {"group": "", "kind": "Service", "name": "web", "port": 80, "weight": 7}
REDIRECT: Final = {"type": "RequestRedirect", "requestRedirect": {"hostname": "new.example"}}
ALB: Final = "alb.ingress.kubernetes.io/"
FORWARD: Final = '{"type": "forward", "forwardConfig": {"targetGroups": [{"serviceName": "web", "servicePort": "80"}]}}'


def gateway_route(kind: str, *rules: dict[str, Any]) -> Manifest:
    metadata = {"name": "web", "namespace": "shop", "annotations": {"team": "a"}}
    spec = {"parentRefs": [{"name": "gate"}], "hostnames": ["web.example"], "rules": list(rules)}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def ingress(*, service: str = "web", port: Mapping[str, Any] | None = None, **annotations: str) -> Manifest:
    backend = {"service": {"name": service, "port": port or {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
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


def alb_ingress(text: str = FORWARD, **conditions: str) -> Manifest:
    """With an action `to-web`, by whose annotation AWS's controller knows what to do."""
    said = {ALB + "scheme": "internal", ALB + "actions.to-web": text}
    said |= {f"{ALB}conditions.{name.replace('_', '-')}": each for name, each in conditions.items()}
    return ingress(service="to-web", port={"name": "use-annotation"}, **said)


def of_kind(api_version: str, kind: str, **spec: Any) -> Manifest:
    metadata = {"name": "web", "namespace": "shop", "annotations": {"team": "a"}}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def ingress_route(*routes: dict[str, Any]) -> Manifest:
    return of_kind("traefik.io/v1alpha1", "IngressRoute", entryPoints=["web"], routes=list(routes))


def apisix_route(*rules: dict[str, Any]) -> Manifest:
    return of_kind("apisix.apache.org/v2", "ApisixRoute", ingressClassName="apisix", http=list(rules))


def kuma_route(*rules: dict[str, Any]) -> Manifest:
    to = [{"targetRef": {"kind": "MeshService", "name": "web"}, "rules": list(rules)}]
    return of_kind("kuma.io/v1alpha1", "MeshHTTPRoute", targetRef={"kind": "Mesh"}, to=to)


MATCH: Final = "Host(`web.example`) && PathPrefix(`/shop`)"
TRAEFIK_ROUTE: Final = {
    "kind": "Rule",
    "match": MATCH,
    "services": [{"name": "web", "port": 80, "passHostHeader": True}],
    "middlewares": [{"name": "compressed"}],
}
APISIX_RULE: Final = {
    "name": "all",
    "match": {"hosts": ["web.example"], "paths": ["/*"], "methods": ["GET"]},
    "backends": [{"serviceName": "web", "servicePort": 80}],
    "plugins": [{"name": "gzip", "enable": True, "config": {"comp_level": 1}}],
}
KUMA_RULE: Final = {
    "matches": [{"path": {"type": "PathPrefix", "value": "/"}, "method": "GET"}],
    "default": {"backendRefs": [{"kind": "MeshService", "name": "web", "port": 80, "weight": 1}]},
}

MANIFESTS: Final[Mapping[str, Manifest]] = {
    "gateway-http-route": gateway_route(
        "HTTPRoute",
        {
            "name": "all",
            "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
            "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-inner"]}}],
            "backendRefs": [BACKEND],
        },
        {"matches": [{"path": {"type": "Exact", "value": "/old"}}], "filters": [REDIRECT]},
    ),
    "gateway-grpc-route": gateway_route("GRPCRoute", {"backendRefs": [BACKEND]}),
    "ingress-nginx": ingress(),
    "ingress-higress": ingress(),
    "ingress-aliyun-alb": ingress(),
    "ingress-mse": ingress(),
    "ingress-haproxy": ingress(),
    "ingress-aws-alb": alb_ingress(),
    "traefik-ingress-route": ingress_route(TRAEFIK_ROUTE),
    "traefik-service": of_kind(
        "traefik.io/v1alpha1",
        "TraefikService",
        weighted={"services": [{"name": "web", "port": 80}], "sticky": {"cookie": {"name": "lb"}}},
    ),
    "apisix-route": apisix_route(APISIX_RULE),
    "kuma-mesh-http-route": kuma_route(KUMA_RULE),
    "smi-traffic-split": of_kind(
        "split.smi-spec.io/v1alpha2", "TrafficSplit", service="web", backends=[{"service": "web", "weight": 1}]
    ),
    "istio-virtual-service": {
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
    "istio-destination-rule": {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "host": "web.shop.svc.cluster.local",
            "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 100}}},
            "subsets": [{"name": "near", "labels": {"zone": "a"}}],
        },
    },
    "contour-http-proxy": {
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
"""By the router's name."""


def shown() -> Mapping[str, Manifest]:
    """The routes of docs/routes.md, by the router that each is shown for: a line that names it, then the route."""
    blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```", (REPOSITORY / "docs/routes.md").read_text())
    named = [yaml.safe_load(each)["traffic"][0]["router"] for each in blocks[::2]]
    return dict(zip(named, map(yaml.safe_load, blocks[1::2]), strict=True))


def define(sandbox: SandboxState) -> None:
    """The kinds of all these, where they aren't the cluster's own; for good, since others may be at work with them."""
    kubectl(sandbox, "apply", "--server-side", "-f", str(DEFINITIONS))
    kubectl(sandbox, "wait", "--for=condition=Established", "--timeout=30s", "-f", str(DEFINITIONS))
    install_istio(sandbox)
    tools = ensure(only={"apisix", "traefik-definitions"})
    _install(sandbox, tools.apisix_crds, "apisixroutes.apisix.apache.org")
    _install(sandbox, tools.traefik_crds, "ingressroutes.traefik.io", "traefikservices.traefik.io")


def install_istio(sandbox: SandboxState) -> None:
    """Its definitions alone: no istiod runs here."""
    names = [each.qualified_plural for each in (VIRTUAL_SERVICES, DESTINATION_RULES)]
    _install(sandbox, ensure(only={"istio"}).istio_crds, *names)


def _install(sandbox: SandboxState, vendors: Path, *names: str) -> None:
    """Definitions as their vendor publishes them."""
    lines = vendors.read_text(encoding="utf-8").splitlines()
    items = [each for each in map(json.loads, lines) if each["metadata"]["name"] in names]
    definitions = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    kubectl(sandbox, "apply", "--server-side", "-f", "-", manifest=definitions)
    crds = [f"crd/{name}" for name in names]
    kubectl(sandbox, "wait", "--for=condition=Established", *crds, "--timeout=30s")
