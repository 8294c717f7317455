"""From a run's verdict to the fact that reports it. Pure; called by `analysis`."""

from typing import Literal

from tidegate_contracts.facts import AnalysisConcluded, Measurement
from tidegate_contracts.orders import Analyse
from tidegate_contracts.problem import printable
from tidegate_contracts.score import Scored
from tidegate_metrics_analyzer import scoring
from tidegate_metrics_analyzer.judge import Verdict

Scope = Literal["step", "bake", "background"]


def conclude(
    order: Analyse,
    scope: Scope,
    verdict: Verdict,
    measurements: tuple[Measurement, ...],
    *,
    started_at_s: float,
    at_s: float,
    overdue: bool = False,
    scored: Scored | None = None,
) -> AnalysisConcluded:
    return AnalysisConcluded(
        rollout=order.rollout,
        order_revision=order.revision,
        at_s=at_s,
        scope=scope,
        step=order.step,
        verdict=verdict,
        reason=_reason(verdict, measurements, order.deadline_s if overdue else None, scored),
        started_at_s=started_at_s,
        measurements=measurements,
        scored=scored,
    )


def _reason(
    verdict: Verdict, measurements: tuple[Measurement, ...], overdue_s: float | None, scored: Scored | None
) -> str:
    """The score, and the checks outside of it that made the verdict, each with its own sentence."""
    together = {check.check for check in scored.checks} if scored is not None else set()
    alone = (found for found in measurements if found.assessed is not None or found.check not in together)
    counting = [found for found in alone if not _is_dry_run(found)]
    if verdict == "pass":
        parts = [f"all of {len(counting)} checks passed{_would_fail(measurements)}"] if counting else []
    else:
        parts = [f"{found.check}: {found.reason}" for found in counting if _decided(found, verdict)]
    if scored is not None and (overdue_s is not None or scoring.verdict(scored) == verdict):
        parts.insert(0, scoring.reason(scored))
    overdue = f"no verdict within {overdue_s:g} s; " if overdue_s is not None else ""
    return printable(f"{overdue}{'; '.join(parts) or 'there was nothing to check'}")


def _is_dry_run(found: Measurement) -> bool:
    return found.dry_run or (found.assessed is not None and found.assessed.dry_run)


def _decided(found: Measurement, verdict: Verdict) -> bool:
    """A metric that another one ended has decided nothing."""
    return found.verdict == verdict and (found.assessed is None or found.assessed.rule != "terminated")


def _would_fail(measurements: tuple[Measurement, ...]) -> str:
    names = [found.check for found in measurements if _is_dry_run(found) and found.verdict == "fail"]
    return f"; {', '.join(names)} would have failed but for the dry run" if names else ""
