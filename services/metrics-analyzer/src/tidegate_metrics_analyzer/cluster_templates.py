"""Argo's templates, and fields of workloads, read live from the Kubernetes API. The `TemplateSource` of the service.

Opened by `app`, and connected when the first analysis names a template: without a cluster the service runs, and only
such analyses are inconclusive, with that reason.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import msgspec

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.templates import TemplateReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.argo.template import Template

FIELD_MANAGER: Final = "tidegate-metrics-analyzer"
TEMPLATES: Final = Resource("argoproj.io", "v1alpha1", "analysistemplates", "AnalysisTemplate")
CLUSTER_TEMPLATES: Final = Resource(
    "argoproj.io", "v1alpha1", "clusteranalysistemplates", "ClusterAnalysisTemplate", namespaced=False
)


class ClusterTemplates:
    def __init__(self, kubeconfig: str | None) -> None:
        self._kubeconfig = kubeconfig
        self._client: KubernetesClient | None = None
        self._connecting = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def opened(cls, kubeconfig: str | None) -> AsyncIterator[Self]:
        source = cls(kubeconfig)
        try:
            yield source
        finally:
            if source._client is not None:
                await source._client.close()

    async def template(self, namespace: str, reference: TemplateReference) -> Template | None:
        client = await self._connected()
        resource = CLUSTER_TEMPLATES if reference.cluster_scope else TEMPLATES
        within = None if reference.cluster_scope else namespace
        found = await client.read(resource, within, reference.name, Template)
        return None if isinstance(found, NotFound) else found

    async def workload(self, namespace: str, reference: WorkloadReference) -> Any | None:
        client = await self._connected()
        resource = await client.discover(reference.api_version, reference.kind)
        if isinstance(resource, NotFound):
            return None
        found = await client.get(resource, namespace, reference.name)
        return None if isinstance(found, NotFound) else msgspec.json.decode(found)

    async def _connected(self) -> KubernetesClient:
        async with self._connecting:
            if self._client is None:
                self._client = await KubernetesClient.connect(self._kubeconfig, field_manager=FIELD_MANAGER)
            return self._client
