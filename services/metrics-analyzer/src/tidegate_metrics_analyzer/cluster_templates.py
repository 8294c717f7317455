"""Argo's templates, and fields of workloads, read live from the Kubernetes API. The `TemplateSource` of the service.

Opened by `app`. Both of Argo's definitions may be installed by Argo or by us; where neither is, no template is there.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.templates import TemplateReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.argo.template import Template
from tidegate_metrics_analyzer.template_source import NoTemplates, TemplateSource

FIELD_MANAGER: Final = "tidegate-metrics-analyzer"
TEMPLATES: Final = Resource("argoproj.io", "v1alpha1", "analysistemplates", "AnalysisTemplate")
CLUSTER_TEMPLATES: Final = Resource(
    "argoproj.io", "v1alpha1", "clusteranalysistemplates", "ClusterAnalysisTemplate", namespaced=False
)


@asynccontextmanager
async def opened(kubeconfig: str | None) -> AsyncIterator[TemplateSource]:
    """Without a cluster the service runs, and analyses that name templates are inconclusive with that reason."""
    try:
        client = await KubernetesClient.connect(kubeconfig, field_manager=FIELD_MANAGER)
    except Permanent as error:
        yield NoTemplates(error.reason)
        return
    async with client:
        yield ClusterTemplates(client)


class ClusterTemplates:
    def __init__(self, client: KubernetesClient) -> None:
        self._client = client

    async def template(self, namespace: str, reference: TemplateReference) -> Template | None:
        resource = CLUSTER_TEMPLATES if reference.cluster_scope else TEMPLATES
        within = None if reference.cluster_scope else namespace
        found = await self._client.read(resource, within, reference.name, Template)
        return None if isinstance(found, NotFound) else found

    async def workload(self, namespace: str, reference: WorkloadReference) -> Any | None:
        resource = await self._client.discover(reference.api_version, reference.kind)
        if isinstance(resource, NotFound):
            return None
        found = await self._client.get(resource, namespace, reference.name)
        return None if isinstance(found, NotFound) else msgspec.json.decode(found)
