"""Registers the podlet's resource metrics API with the API server, for real autoscalers. Only where it is asked for.

The podlet serves it (`podlet.resource_metrics`); an APIService, a Service without a selector and its one endpoint lead
the API server there.
"""

from functools import partial

from tidegate_sandbox.addresses import RESOURCE_METRICS_ADDRESS, RESOURCE_METRICS_PORT
from tidegate_sandbox.parts.api_server_client import Manifest
from tidegate_sandbox.parts.context import Context
from tidegate_sandbox.podlet.resource_metrics import ROOT
from tidegate_sandbox.supervisor.steps import Chore, Step, wait_for

NAMESPACE = "kube-system"
NAME = "podlet-resource-metrics"
SERVICE_PORT = 443


def steps(context: Context) -> list[Step]:
    async def register() -> None:
        client = context.api_server()
        await client.apply_all(manifests())
        await wait_for(partial(client.check, ROOT), what="the API server passing on to the resource metrics API")

    return [Chore(name="resource-metrics", needs=("podlet",), run=register)]


def manifests() -> list[Manifest]:
    metadata = {"name": NAME, "namespace": NAMESPACE}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"ports": [{"name": "https", "port": SERVICE_PORT, "targetPort": RESOURCE_METRICS_PORT}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": metadata | {"labels": {"kubernetes.io/service-name": NAME}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [RESOURCE_METRICS_ADDRESS], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "port": RESOURCE_METRICS_PORT, "protocol": "TCP"}],
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": metadata | {"port": SERVICE_PORT},
            },
        },
    ]
