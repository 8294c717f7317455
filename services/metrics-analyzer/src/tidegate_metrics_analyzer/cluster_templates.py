"""Argo's templates, and fields of workloads, read live from the Kubernetes API. The `TemplateSource` of the service.

Made by `app` on the connection to the cluster, which is tried when the first analysis names a template: without a
cluster the service runs, and only such analyses are inconclusive, with that reason.
"""

from typing import Any, Final

import msgspec

from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.templates import TemplateReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.argo.template import Template
from tidegate_metrics_analyzer.cluster_connection import ClusterConnection

TEMPLATES: Final = Resource("argoproj.io", "v1alpha1", "analysistemplates", "AnalysisTemplate")
CLUSTER_TEMPLATES: Final = Resource(
    "argoproj.io", "v1alpha1", "clusteranalysistemplates", "ClusterAnalysisTemplate", namespaced=False
)


class ClusterTemplates:
    def __init__(self, cluster: ClusterConnection) -> None:
        self._cluster = cluster

    async def template(self, namespace: str, reference: TemplateReference) -> Template | None:
        client = await self._cluster.client()
        resource = CLUSTER_TEMPLATES if reference.cluster_scope else TEMPLATES
        within = None if reference.cluster_scope else namespace
        found = await client.read(resource, within, reference.name, Template)
        return None if isinstance(found, NotFound) else found

    async def workload(self, namespace: str, reference: WorkloadReference) -> Any | None:
        client = await self._cluster.client()
        resource = await client.discover(reference.api_version, reference.kind)
        if isinstance(resource, NotFound):
            return None
        found = await client.get(resource, namespace, reference.name)
        return None if isinstance(found, NotFound) else msgspec.json.decode(found)
