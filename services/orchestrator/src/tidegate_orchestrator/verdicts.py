"""What an analysis said against the new version, and what its own words make of that.

Pure; `alarms` decides by it, `steps` asks whether a step may pass, and `wakeup` when an answer is overdue.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tidegate_contracts.facts import AnalysisConcluded
from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Analysis
from tidegate_orchestrator.state import Judge, Judging, Rollout


class Spoken(NamedTuple):
    """A verdict, and the analysis that came to it."""

    verdict: AnalysisConcluded
    analysis: Analysis


def against(judge: Judge | None) -> Iterator[Spoken]:
    """The verdicts that something has to come of, the background's first."""
    if judge is None or not isinstance(judge.order, Analyse):
        return
    order = judge.order
    for verdict, analysis in ((judge.background, order.background_analysis), (judge.verdict, order.step_analysis)):
        if verdict is not None and not _lets_pass(verdict, analysis or Analysis()):
            yield Spoken(verdict, analysis or Analysis())


def passes(judge: Judge | None, step: int) -> bool:
    """Whether the step may be left: only a verdict on this very step counts, on its order and on no other."""
    if judge is None or judge.verdict is None or not isinstance(judge.order, Analyse):
        return False
    return judge.order.step == step and _lets_pass(judge.verdict, judge.order.step_analysis or Analysis())


def bake_passes(rollout: Rollout) -> bool:
    """Whether nothing but its time keeps a bake from its end."""
    bake = rollout.request.bake
    return bake is None or bake.analysis is None or passes(rollout.judge, rollout.step)


def _lets_pass(verdict: AnalysisConcluded, analysis: Analysis) -> bool:
    """A failing verdict may be there to be told of only; one that is none never passes."""
    return verdict.verdict == "pass" or (verdict.verdict == "fail" and analysis.on_failure == "go_on")


def may_be_extended(rollout: Rollout, spoken: Spoken) -> bool:
    """Whether the step in hand is measured once more instead: not while somebody holds the rollout."""
    judge, phase = rollout.judge, rollout.phase
    if judge is None or spoken.verdict is not judge.verdict or not spoken.analysis.extend_once:
        return False
    return isinstance(phase, Judging) and not judge.extended and rollout.hold is None


def answer_due_s(rollout: Rollout, spoken: Spoken) -> float | None:
    """When an inconclusive verdict that nobody answers leads back, in epoch seconds; None: never."""
    analysis, hold = spoken.analysis, rollout.hold
    if analysis.on_inconclusive == "pause":
        return None
    if not analysis.answer_within_s:
        return 0.0
    held_s = hold.since_s if hold is not None and hold.is_doubt else None
    return max(held_s, spoken.verdict.at_s) + analysis.answer_within_s if held_s is not None else None


def next_answer_due_s(rollout: Rollout) -> float | None:
    """The first of these moments."""
    inconclusive = (spoken for spoken in against(rollout.judge) if spoken.verdict.verdict == "inconclusive")
    due = (answer_due_s(rollout, spoken) for spoken in inconclusive)
    return min((each for each in due if each is not None), default=None)
