"""Contour and Envoy: the Gateway API's control plane and the proxy that carries the requests.

One Gateway, `projectcontour/tidegate`, takes routes of every namespace. The CRDs and Contour's roles come from
Contour's own Go module, by way of the toolchain's cache.
"""

import subprocess
from functools import partial
from pathlib import Path

import msgspec

from tidegate_sandbox.addresses import (
    CONTOUR_DEBUG_PORT,
    CONTOUR_HEALTH_PORT,
    CONTOUR_XDS_PORT,
    ENVOY_METRICS_PORT,
    GATEWAY_PORT,
    LOOPBACK,
)
from tidegate_sandbox.parts.api_server_client import Manifest, definitions_from_lines, manifests_from_lines
from tidegate_sandbox.parts.bindings import bound
from tidegate_sandbox.parts.context import Context
from tidegate_sandbox.supervisor.steps import Chore, NotReadyError, Process, Step, wait_for

NAMESPACE = "projectcontour"
GATEWAY = "tidegate"
BOOTSTRAP_TIMEOUT_S = 30
# Contour exits when it can't watch one of these, so it is started when the API server serves all of them.
WATCHED_PATHS = tuple(
    f"/apis/{group}"
    for group in (
        *(
            f"gateway.networking.k8s.io/v1/{kind}"
            for kind in ("gatewayclasses", "gateways", "httproutes", "grpcroutes")
        ),
        "gateway.networking.k8s.io/v1beta1/referencegrants",
        *(f"gateway.networking.k8s.io/v1alpha2/{kind}" for kind in ("tlsroutes", "tcproutes")),
        "gateway.networking.k8s.io/v1alpha3/backendtlspolicies",
        "projectcontour.io/v1/httpproxies",
        *(f"projectcontour.io/v1alpha1/{kind}" for kind in ("extensionservices", "contourconfigurations")),
    )
)


def steps(context: Context) -> list[Step]:
    async def crds() -> None:
        client = context.api_server()
        await client.apply_all([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}])
        toolchain = context.settings.toolchain
        await client.create_all([*definitions_from_lines(toolchain.proxy_crds), *contour_rights(context)])
        for path in WATCHED_PATHS:
            await wait_for(partial(client.check, path), what=f"the API server serving {path}")
        await client.apply_all(gateway_manifests())

    async def gateway_programmed() -> None:
        await wait_for(partial(check_gateway, context), what=f"Gateway {NAMESPACE}/{GATEWAY} being programmed")

    return [
        Chore(name="proxy-crds", needs=("kube-apiserver",), run=crds),
        _contour(context),
        _envoy(context),
        Chore(name="gateway", needs=("contour", "envoy"), run=gateway_programmed),
    ]


def _contour(context: Context) -> Process:
    def command() -> list[str]:
        configuration = context.folder("proxy") / "contour.json"
        configuration.write_bytes(msgspec.json.encode(contour_configuration()))
        return [
            str(context.settings.toolchain.contour),
            "serve",
            "--config-path",
            f"{configuration}",
            f"--kubeconfig={context.kubeconfig('contour')}",
            "--insecure",
            "--disable-leader-election",
            f"--xds-address={LOOPBACK}",
            f"--xds-port={CONTOUR_XDS_PORT}",
            f"--http-address={LOOPBACK}",
            f"--http-port={CONTOUR_HEALTH_PORT}",
            f"--health-address={LOOPBACK}",
            f"--health-port={CONTOUR_HEALTH_PORT}",
            f"--debug-http-address={LOOPBACK}",
            f"--debug-http-port={CONTOUR_DEBUG_PORT}",
            f"--stats-address={LOOPBACK}",
            f"--stats-port={ENVOY_METRICS_PORT}",
            "--kubernetes-client-qps=500",
            "--kubernetes-client-burst=1000",
        ]

    needs = ("kubeconfigs", "proxy-crds")
    probe = context.answers(f"http://{LOOPBACK}:{CONTOUR_HEALTH_PORT}/healthz")
    return Process(name="contour", needs=needs, command=command, probe=probe)


def _envoy(context: Context) -> Process:
    def command() -> list[str]:
        return [
            str(context.settings.toolchain.envoy),
            "--config-path",
            str(write_bootstrap(context)),
            "--service-cluster",
            NAMESPACE,
            "--service-node",
            "sandbox",
            "--log-level",
            "warning",
            "--concurrency",
            "1",
            # Hot restart shares memory by a number of the whole machine, which sandboxes side by side would fight for.
            "--disable-hot-restart",
        ]

    probe = context.answers(f"http://{LOOPBACK}:{ENVOY_METRICS_PORT}/ready")
    return Process(name="envoy", needs=("contour",), command=command, probe=probe)


def write_bootstrap(context: Context) -> Path:
    """Contour itself writes the file that leads Envoy to it."""
    folder = context.folder("proxy")
    bootstrap = folder / "envoy.json"
    options = {
        "admin-address": folder / "envoy-admin.sock",
        "xds-address": LOOPBACK,
        "xds-port": CONTOUR_XDS_PORT,
        "namespace": NAMESPACE,
    }
    # Blocking, since the supervisor reaps every child that ends while its loop runs.
    subprocess.run(
        [context.settings.toolchain.contour, "bootstrap", bootstrap, *(f"--{k}={v}" for k, v in options.items())],
        check=True,
        timeout=BOOTSTRAP_TIMEOUT_S,
    )
    return bootstrap


def contour_configuration() -> Manifest:
    return {
        "gateway": {"gatewayRef": {"name": GATEWAY, "namespace": NAMESPACE}},
        "accesslog-level": "disabled",
    }


def contour_rights(context: Context) -> list[Manifest]:
    """Contour's own roles, bound to the sandbox's user for it."""
    return bound(manifests_from_lines(context.settings.toolchain.proxy_roles), "contour")


def gateway_manifests() -> list[Manifest]:
    api = "gateway.networking.k8s.io/v1"
    listener = {
        "name": "http",
        "protocol": "HTTP",
        "port": GATEWAY_PORT,
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    return [
        {
            "apiVersion": api,
            "kind": "GatewayClass",
            "metadata": {"name": GATEWAY},
            "spec": {"controllerName": "projectcontour.io/gateway-controller"},
        },
        {
            "apiVersion": api,
            "kind": "Gateway",
            "metadata": {"name": GATEWAY, "namespace": NAMESPACE},
            "spec": {"gatewayClassName": GATEWAY, "listeners": [listener]},
        },
    ]


async def check_gateway(context: Context) -> None:
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/gateways/{GATEWAY}"
    _, gateway = await context.api_server().get(path)
    conditions = {c["type"]: c["status"] for c in gateway.get("status", {}).get("conditions", [])}
    if conditions.get("Accepted") != "True" or conditions.get("Programmed") != "True":
        raise NotReadyError(f"the Gateway's conditions are {conditions}")
