"""From a run's verdict to the fact that reports it. Pure; called by `analysis`."""

from typing import Literal

from tidegate_contracts.facts import AnalysisConcluded, Measurement
from tidegate_contracts.orders import Analyse
from tidegate_contracts.problem import printable
from tidegate_metrics_analyzer.judge import Verdict

Scope = Literal["step", "background"]


def conclude(
    order: Analyse,
    scope: Scope,
    verdict: Verdict,
    measurements: tuple[Measurement, ...],
    *,
    started_at_s: float,
    at_s: float,
    overdue: bool = False,
) -> AnalysisConcluded:
    return AnalysisConcluded(
        rollout=order.rollout,
        order_revision=order.revision,
        at_s=at_s,
        scope=scope,
        step=order.step,
        verdict=verdict,
        reason=_reason(verdict, measurements, order.deadline_s if overdue else None),
        started_at_s=started_at_s,
        measurements=measurements,
    )


def _reason(verdict: Verdict, measurements: tuple[Measurement, ...], overdue_s: float | None) -> str:
    """The checks that made the verdict, each with its own sentence."""
    if verdict == "pass":
        return f"all of {len(measurements)} checks passed"
    decisive = "; ".join(f"{found.check}: {found.reason}" for found in measurements if found.verdict == verdict)
    overdue = f"no verdict within {overdue_s:g} s; " if overdue_s is not None else ""
    return printable(f"{overdue}{decisive or 'there was nothing to check'}")
