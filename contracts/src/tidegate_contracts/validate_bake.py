"""What is wrong with a request's bake: its time, and an analysis that could not pass by then. Called by `validate`."""

from collections.abc import Iterator

from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import Bake
from tidegate_contracts.validate_analysis import analysis_problems, duration_problems, length_problems
from tidegate_contracts.validate_comparison import background_problems
from tidegate_contracts.validate_outside import silence_problems, waiting_problems

DURATION_S_MIN = 1.0


def bake_problems(bake: Bake) -> Iterator[Problem]:
    yield from duration_problems("bake.duration_s", bake.duration_s, least=DURATION_S_MIN)
    if bake.analysis is None:
        return
    yield from analysis_problems("bake.analysis", bake.analysis)
    yield from background_problems(
        "bake.analysis", bake.analysis, "a bake, in which the stable version gets no request"
    )
    yield from length_problems("bake.analysis", bake.analysis, bake.duration_s, "bake.duration_s")
    yield from silence_problems("bake.analysis", bake.analysis)
    yield from waiting_problems("bake.analysis", bake.analysis, bake.duration_s, "bake.duration_s")
    if bake.analysis.extend_once:
        rule = "false in a bake, which has a time of its own"
        yield problem("bake.analysis.extend_once", "true", rule, "Leave it out, or bake for longer.")
