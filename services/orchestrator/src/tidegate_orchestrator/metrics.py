"""The orchestrator's own Prometheus metrics; how long messages take, by kind, the chassis measures. No label
holds a name.
"""

from typing import Final

from prometheus_client import Counter, Gauge

from tidegate_contracts.codec import tag_of
from tidegate_contracts.decisions import AnyDecision

decisions: Final = Counter("tidegate_decisions_total", "Decisions appended, by type", ["type"])
conflicts: Final = Counter("tidegate_decision_conflicts_total", "Races on a workload's history that were lost")
open_rollouts: Final = Gauge("tidegate_open_rollouts", "Rollouts without a terminal event, as of the last sweep")


def count_decisions(appended: tuple[AnyDecision, ...]) -> None:
    for decision in appended:
        decisions.labels(tag_of(decision)).inc()
