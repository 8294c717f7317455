"""A mesh's gateway: istiod, and an Envoy of its own that it leads. VirtualServices and DestinationRules go by it.

Without certificates, webhooks and sidecars: the gateway speaks plain HTTP to the pods. One Gateway, `istio-system/
tidegate`, takes VirtualServices of every namespace. Envoy is the same unchanged one that Contour leads, so that filters
which only Istio's own build has are left out.
"""

from functools import partial
from typing import Any

import msgspec

from tidegate_sandbox.addresses import (
    ISTIOD_HTTP_PORT,
    ISTIOD_MONITORING_PORT,
    ISTIOD_XDS_PORT,
    LOOPBACK,
    MESH_ENVOY_ADMIN_PORT,
    MESH_GATEWAY_ADDRESS,
    MESH_PORT,
)
from tidegate_sandbox.credentials import ISTIOD
from tidegate_sandbox.parts.api_server_client import Manifest, definitions_from_lines
from tidegate_sandbox.parts.bindings import GROUP, bound
from tidegate_sandbox.parts.context import Context
from tidegate_sandbox.parts.kruise import served_paths
from tidegate_sandbox.supervisor.steps import Chore, Process, Step, wait_for

NAMESPACE = "istio-system"
GATEWAY = "tidegate"
LABELS = {"istio": "ingressgateway"}
CLUSTER = "Kubernetes"
ENVIRONMENT = {
    "POD_NAMESPACE": NAMESPACE,
    "PILOT_CERT_PROVIDER": "none",
    "ENABLE_CA_SERVER": "false",
    "ENABLE_LEADER_ELECTION": "false",
    "PILOT_ENABLE_GATEWAY_API": "false",
    "PILOT_ENABLE_AMBIENT": "false",
    "INJECTION_WEBHOOK_CONFIG_NAME": "",
    "VALIDATION_WEBHOOK_CONFIG_NAME": "",
    # Only in Istio's own build of Envoy.
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "PILOT_ENABLE_ALPN_FILTER": "false",
}
READ = ("get", "list", "watch")


def steps(context: Context) -> list[Step]:
    async def crds() -> None:
        client = context.api_server()
        await client.apply_all([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}])
        definitions = definitions_from_lines(context.settings.toolchain.istio_crds)
        await client.create_all([*definitions, *bound([role()], ISTIOD)])
        # What it finds not served it doesn't ask for again.
        for path in (path for crd in definitions for path in served_paths(crd)):
            await wait_for(partial(client.check, path), what=f"the API server serving {path}")
        await client.apply_all([gateway()])

    return [Chore(name="mesh-crds", needs=("kube-apiserver",), run=crds), _istiod(context), _envoy(context)]


def _istiod(context: Context) -> Process:
    def command() -> list[str]:
        configuration = context.folder("mesh") / "mesh.json"
        configuration.write_bytes(msgspec.json.encode({"enableAutoMtls": False}))
        return [
            str(context.settings.toolchain.istiod),
            "discovery",
            f"--kubeconfig={context.kubeconfig(ISTIOD)}",
            f"--meshConfig={configuration}",
            f"--clusterID={CLUSTER}",
            f"--grpcAddr={LOOPBACK}:{ISTIOD_XDS_PORT}",
            f"--httpAddr={LOOPBACK}:{ISTIOD_HTTP_PORT}",
            f"--monitoringAddr={LOOPBACK}:{ISTIOD_MONITORING_PORT}",
            "--secureGRPCAddr=",
            "--httpsAddr=",
            "--ctrlz_port=0",
        ]

    return Process(
        name="istiod",
        needs=("kubeconfigs", "mesh-crds"),
        command=command,
        probe=context.answers(f"http://{LOOPBACK}:{ISTIOD_HTTP_PORT}/ready"),
        environment=ENVIRONMENT,
    )


def _envoy(context: Context) -> Process:
    def command() -> list[str]:
        file = context.folder("mesh") / "envoy.json"
        file.write_bytes(msgspec.json.encode(bootstrap()))
        envoy = str(context.settings.toolchain.envoy)
        return [
            envoy,
            "--config-path",
            str(file),
            "--log-level",
            "warning",
            "--concurrency",
            "1",
            "--disable-hot-restart",
        ]

    probe = context.answers(f"http://{LOOPBACK}:{MESH_ENVOY_ADMIN_PORT}/ready")
    return Process(name="mesh-envoy", needs=("istiod",), command=command, probe=probe)


def role() -> Manifest:
    """What a control plane without certificates, webhooks and statuses has to read."""
    groups = [
        (
            [
                "config.istio.io",
                "security.istio.io",
                "networking.istio.io",
                "telemetry.istio.io",
                "extensions.istio.io",
            ],
            ["*"],
        ),
        ([""], ["services", "pods", "nodes", "namespaces", "configmaps", "endpoints", "secrets", "serviceaccounts"]),
        (["discovery.k8s.io"], ["endpointslices"]),
        (["networking.k8s.io"], ["ingresses", "ingressclasses"]),
        (["apiextensions.k8s.io"], ["customresourcedefinitions"]),
        (["admissionregistration.k8s.io"], ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]),
    ]
    rules: list[Any] = [{"apiGroups": names, "resources": kinds, "verbs": list(READ)} for names, kinds in groups]
    return {"apiVersion": f"{GROUP}/v1", "kind": "ClusterRole", "metadata": {"name": ISTIOD}, "rules": rules}


def gateway() -> Manifest:
    server = {"port": {"number": MESH_PORT, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": GATEWAY, "namespace": NAMESPACE},
        "spec": {"selector": LABELS, "servers": [server]},
    }


def bootstrap() -> dict[str, Any]:
    """What Istio's agent would write: who the proxy is, and where all else comes from."""
    by_ads = {"ads": {}, "resource_api_version": "V3"}
    return {
        "node": {
            "id": f"router~{MESH_GATEWAY_ADDRESS}~gateway.{NAMESPACE}~{NAMESPACE}.svc.cluster.local",
            "cluster": f"gateway.{NAMESPACE}",
            "metadata": {"CLUSTER_ID": CLUSTER, "NAMESPACE": NAMESPACE, "LABELS": LABELS},
        },
        "admin": {"address": _address(MESH_ENVOY_ADMIN_PORT)},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "istiod"}}],
            },
            "cds_config": by_ads,
            "lds_config": by_ads,
        },
        "static_resources": {"clusters": [_control_plane()]},
    }


def _control_plane() -> dict[str, Any]:
    protocol = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    endpoint = {"endpoint": {"address": _address(ISTIOD_XDS_PORT)}}
    return {
        "name": "istiod",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": "istiod", "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": protocol,
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}
