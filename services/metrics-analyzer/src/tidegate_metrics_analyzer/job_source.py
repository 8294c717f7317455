"""Who runs the Jobs by which templates measure: what `template_measure` and `holder` need of a cluster.

`jobs.runner` makes them in a Kubernetes cluster; where there is none, or they aren't allowed, there is `NoJobs`.
"""

from collections.abc import Collection
from typing import Any, NamedTuple, Protocol

import msgspec

from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.argo.phase import Found


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement of one metric, the same for every copy of the analyzer."""

    analysis: str
    """Unique to the order and to what it is judged for."""
    namespace: str
    workload: WorkloadReference | None
    """None for an analysis of nothing that rolls out."""
    metric: str
    number: int
    """From 1 on."""
    kept: int
    """So many measurements of the metric are kept, and so many Jobs of it."""
    after_s: float = 0.0
    """When the one before it was over, or when the analysis began, in epoch seconds."""


class Ran(NamedTuple):
    """A measurement's Job, by its name, and what came of it."""

    job: str
    found: Found


class JobSource(Protocol):
    def fault(self, block: dict[str, Any], namespace: str) -> str | None:
        """What keeps a metric's Job from ever being made; `block` is what stands below `job:` in the template."""

    async def measured(self, block: dict[str, Any], turn: Turn) -> Ran:
        """Runs the measurement's Job to its end, or waits for the one that is there; what goes wrong is an error."""

    async def keep_only(self, namespace: str, workload: WorkloadReference, analyses: Collection[str]) -> None:
        """Deletes the workload's Jobs that still run for other analyses; finished ones stay for people to read."""


class NoJobs:
    """The source of an analyzer without a cluster."""

    def fault(self, block: dict[str, Any], namespace: str) -> str | None:
        return f"this analyzer runs no Jobs, in {namespace} or elsewhere: {', '.join(block)} can't be used"

    async def measured(self, block: dict[str, Any], turn: Turn) -> Ran:
        return Ran("", Found("Error", self.fault(block, turn.namespace) or ""))

    async def keep_only(self, namespace: str, workload: WorkloadReference, analyses: Collection[str]) -> None:
        """There are none."""
