"""What is wrong with a request's steps: their number, their order, and what each asks for. Called by `validate`."""

from collections.abc import Iterator
from typing import Final

from tidegate_contracts import limits
from tidegate_contracts.plan import parse_target
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import RolloutRequested, Step
from tidegate_contracts.routers import BUILT_IN, beyond
from tidegate_contracts.validate_analysis import analysis_problems, duration_problems, length_problems
from tidegate_contracts.validate_matches import header_problems, match_problems
from tidegate_contracts.validate_outside import silence_problems, waiting_problems

PERCENT_MAX: Final = 100
ALL_PODS: Final = "100%"


def step_problems(request: RolloutRequested) -> Iterator[Problem]:
    if not 1 <= len(request.steps) <= limits.STEPS_MAX:
        rule = f"1 to {limits.STEPS_MAX} steps"
        yield problem("steps", f"{len(request.steps)} steps", rule, "Give that many.")
        return
    deadline_s = request.deadlines.analysis_s
    for index, step in enumerate(request.steps):
        field = f"steps[{index}]"
        yield from _replicas(f"{field}.replicas", step)
        if step.pause is not None and step.pause.duration_s is not None:
            yield from duration_problems(f"{field}.pause.duration_s", step.pause.duration_s, least=0.0)
        if step.traffic is not None:
            yield from _traffic(f"{field}.traffic", step, request)
        if step.analysis is not None:
            yield from analysis_problems(f"{field}.analysis", step.analysis)
            yield from length_problems(f"{field}.analysis", step.analysis, deadline_s, "deadlines.analysis_s")
            yield from silence_problems(f"{field}.analysis", step.analysis)
            yield from waiting_problems(f"{field}.analysis", step.analysis, deadline_s, "deadlines.analysis_s")
    yield from _order(request)


def _replicas(field: str, step: Step) -> Iterator[Problem]:
    target = parse_target(step.replicas)
    most = limits.COUNT_MAX if isinstance(step.replicas, int) else PERCENT_MAX
    number = None if target is None else (target.count if target.count is not None else target.percent)
    if number is None or not 1 <= number <= most:
        rule = f"a count of 1 to {limits.COUNT_MAX}, or a whole percentage from 1% to 100%"
        yield problem(field, step.replicas, rule, 'Write 3 or "20%".')


def threshold_problems(request: RolloutRequested) -> Iterator[Problem]:
    threshold = request.failure_threshold
    if threshold is None:
        return
    target = parse_target(threshold)
    most = limits.COUNT_MAX if isinstance(threshold, int) else PERCENT_MAX
    number = None if target is None else (target.count if target.count is not None else target.percent)
    if number is None or not 0 <= number <= most:
        rule = f"a count of 0 to {limits.COUNT_MAX}, or a whole percentage from 0% to 100%"
        yield problem("failure_threshold", threshold, rule, 'Write 1 or "10%", or leave it out.')


def _traffic(field: str, step: Step, request: RolloutRequested) -> Iterator[Problem]:
    assert step.traffic is not None, "the caller looked"
    weight = step.traffic.weight_percent
    if not request.traffic:
        remedy = "Add a route to the request's traffic, or leave the step's traffic out."
        yield problem(field, "given", "only where the request names its routes in traffic", remedy)
    if weight is not None and not 0 <= weight <= PERCENT_MAX:
        yield problem(f"{field}.weight_percent", weight, "0 to 100", "Give a whole percentage.")
    elif weight not in (None, PERCENT_MAX) and step.replicas == ALL_PODS and request.style == "partition":
        rule = "100 in a step to 100% of the pods, which leaves none of the old ones to take the rest"
        yield problem(f"{field}.weight_percent", weight, rule, "Give it to a step before, or leave it out.")
    mirror = step.traffic.mirror_percent
    if mirror is not None and not 0 <= mirror <= PERCENT_MAX:
        yield problem(f"{field}.mirror_percent", mirror, "0 to 100", "Give a whole percentage.")
    yield from match_problems(f"{field}.matches", step.traffic.matches)
    if step.traffic.request_headers is not None:
        yield from header_problems(f"{field}.request_headers", step.traffic.request_headers)
    for router in sorted({reference.router for reference in request.traffic} & set(BUILT_IN)):
        yield from beyond(
            router,
            BUILT_IN[router],
            weight_percent=weight,
            matches=step.traffic.matches,
            request_headers=step.traffic.request_headers,
            mirror_percent=mirror,
            field=field,
        )


def _order(request: RolloutRequested) -> Iterator[Problem]:
    """Counts and percentages may each only rise, and can't be compared with each other; shares may fall, too."""
    highest: dict[str, int] = {}
    for index, step in enumerate(request.steps):
        target = parse_target(step.replicas)
        values = {"count": target.count if target else None, "percent": target.percent if target else None}
        for kind, value in values.items():
            if value is None:
                continue
            if kind in highest and value < highest[kind]:
                rule = f"not below the step before ({highest[kind]})"
                yield problem(f"steps[{index}].replicas", step.replicas, rule, "Put the steps in rising order.")
            highest[kind] = max(value, highest.get(kind, value))
    if request.style == "partition":
        yield from _taken_back(request.steps)


def _taken_back(steps: tuple[Step, ...]) -> Iterator[Problem]:
    """With all of the traffic on the new pods every stable one may go."""
    whole = False
    for index, step in enumerate(steps):
        weight = step.traffic.weight_percent if step.traffic is not None else None
        if whole and weight is not None and weight < PERCENT_MAX and step.replicas != ALL_PODS:
            rule = "100 after a step with all of the traffic or pods, which may leave no stable pod to take any back"
            yield problem(f"steps[{index}].traffic.weight_percent", weight, rule, "Leave it out.")
        whole = whole or weight == PERCENT_MAX or step.replicas == ALL_PODS
