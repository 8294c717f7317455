"""Where templates come from: what `template_reader` needs of a cluster, and what is said where there is none.

`cluster_templates` reads them from the Kubernetes API; tests keep them in memory.
"""

from typing import Any, Protocol

from tidegate_chassis.errors import Permanent
from tidegate_contracts.templates import TemplateReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.argo.template import Template


class TemplateSource(Protocol):
    """Reads are live.

    Raises:
        Transient: it can't be read now.
        Permanent: it can't be read at all.
    """

    async def template(self, namespace: str, reference: TemplateReference) -> Template | None:
        """None where there is none of that name."""

    async def workload(self, namespace: str, reference: WorkloadReference) -> Any | None:
        """The whole object; None where it is gone."""


class NoTemplates:
    """The source of an analyzer without a cluster."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def template(self, namespace: str, reference: TemplateReference) -> Template | None:
        raise self._refused(f"template {reference.name} of namespace {namespace}")

    async def workload(self, namespace: str, reference: WorkloadReference) -> Any | None:
        raise self._refused(f"{reference.kind} {reference.name} of namespace {namespace}")

    def _refused(self, what: str) -> Permanent:
        return Permanent(f"{what} can't be read: {self._reason}", code="no-cluster")
