"""Argo's templates in memory, as an API server keeps them."""

from typing import Any

import msgspec

from tidegate_chassis.errors import OperatingError
from tidegate_contracts.templates import TemplateReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.argo.template import Template


def template(*metrics: dict[str, Any], **specification: Any) -> Template:
    """A template's object, read as the analyzer reads it."""
    stored = {"metadata": {"name": "t"}, "spec": {"metrics": list(metrics)} | specification}
    return msgspec.json.decode(msgspec.json.encode(stored), type=Template)


def metric(name: str = "errors", query: str = "errors", **fields: Any) -> dict[str, Any]:
    return {"name": name, "provider": {"prometheus": {"query": query}}} | fields


class TemplateShelf:
    """A template that stands here as an error raises it, once for each time it is given."""

    def __init__(self, *, workload: Any = None, **templates: Template | list[Template | OperatingError]) -> None:
        self.templates = templates
        self.cluster_templates: dict[str, Template] = {}
        self.reads: list[str] = []
        self._workload = workload

    async def template(self, namespace: str, reference: TemplateReference) -> Template | None:
        self.reads.append(f"{namespace}/{reference.name}")
        if reference.cluster_scope:
            return self.cluster_templates.get(reference.name)
        found = self.templates.get(reference.name)
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if isinstance(found, OperatingError):
            raise found
        return found

    async def workload(self, namespace: str, reference: WorkloadReference) -> Any | None:
        assert (namespace, reference.name) == ("shop", "web")
        return self._workload
