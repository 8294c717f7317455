"""A Rollout's spec as the request that its guard carries, or why it can't be carried. Pure.

Called by `reconcile`. Whatever Kruise has and we don't is told as a problem, never left out in silence; the rules of
requests are the contracts' own (`validate_guard`).
"""

from collections.abc import Iterator
from typing import Final

from tidegate_contracts.guards import GuardSet
from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import (
    BATCH,
    CanaryMetadata,
    FailureAction,
    Pause,
    RollbackPace,
    RolloutRequested,
    Step,
)
from tidegate_contracts.rollout import Style as StyleName
from tidegate_contracts.validate import validate_guard
from tidegate_rollout_operator.additions import analysis_of, bake_of, deadlines_of
from tidegate_rollout_operator.awaiting import reason_to_wait
from tidegate_rollout_operator.kruise import (
    ROLLBACK_IN_BATCH,
    ROLLOUT_BATCH_ID,
    ROLLOUT_ID,
    Rollout,
    StepBlock,
    Style,
)
from tidegate_rollout_operator.routing import (
    header_problems,
    match_problems,
    one_service_problems,
    references,
    routing_problems,
)
from tidegate_rollout_operator.step_traffic import ALL_PODS, traffic_of_steps
from tidegate_rollout_operator.validation import GIVE_A_SHARE, GIVE_AN_AMOUNT, percent_of
from tidegate_rollout_operator.wording import in_kruises_words

DEPLOYMENTS: Final = "deployment.apps"
"""Where Kruise has an extra workload for the canary: it takes every other kind's `canary` for a partition."""


def translate(rollout: Rollout) -> RolloutRequested | tuple[Problem, ...]:
    """What the workload's guard asks for, or everything that stands against it."""
    found = tuple(_unserved(rollout))
    if found:
        return found
    request = _request(rollout, _style(rollout))
    against = validate_guard(guard_of(rollout, request), rollout.metadata.namespace)
    routes = [field for field, _ in references(_style(rollout))]
    return tuple(in_kruises_words(each, rollout.style_path, routes) for each in against) or request


def guard_of(rollout: Rollout, request: RolloutRequested) -> GuardSet:
    return GuardSet(request=request, release_annotation=ROLLOUT_ID, release_label=ROLLOUT_ID, by=rollout.author)


def _style(rollout: Rollout) -> Style:
    style = rollout.style
    assert style is not None, "a strategy without a style was refused before"
    return style


def _request(rollout: Rollout, style: Style) -> RolloutRequested:
    strategy = rollout.spec.strategy
    name = _style_name(rollout, style)
    action: FailureAction = "pause" if strategy.on_failure == "Pause" else "roll_back"
    in_batches = rollout.metadata.annotations.get(ROLLBACK_IN_BATCH) == "true"
    pace: RollbackPace = "in_batches" if in_batches else "at_once"
    return RolloutRequested(
        workload=rollout.workload,
        steps=tuple(_steps(style, name)),
        strategy=name,
        canary_metadata=_canary_metadata(style) if name == "canary" else None,
        failure_threshold=style.failure_threshold if name != "blue_green" else None,
        traffic=tuple(reference for _, reference in references(style)),
        analysis=analysis_of(strategy.analysis),
        analysis_from_step=1 if strategy.analysis_from_step is None else strategy.analysis_from_step,
        bake=bake_of(strategy.bake),
        on_failure=action,
        rollback=pace,
        deadlines=deadlines_of(strategy.deadlines),
        requested_by=rollout.author,
        paused_because=reason_to_wait(rollout),
        pod_labels={ROLLOUT_BATCH_ID: BATCH},
    )


def _style_name(rollout: Rollout, style: Style) -> StyleName:
    if rollout.spec.strategy.blue_green is not None:
        return "blue_green"
    beside = style.enable_extra_workload_for_canary and rollout.key("").kind == DEPLOYMENTS
    return "canary" if beside else "partition"


def _canary_metadata(style: Style) -> CanaryMetadata | None:
    given = style.patch_pod_template_metadata
    if given is None or not (given.labels or given.annotations):
        return None
    return CanaryMetadata(labels=given.labels, annotations=given.annotations)


def _steps(style: Style, name: StyleName) -> Iterator[Step]:
    last = len(style.steps) - 1
    for index, (step, traffic) in enumerate(zip(style.steps, traffic_of_steps(style, name), strict=True)):
        assert step.replicas is not None, "a step without replicas was refused before"
        whole_end = index == last and step.replicas == ALL_PODS and name != "blue_green"
        yield Step(
            replicas=step.replicas,
            traffic=traffic,
            pause=None if whole_end else _pause(step),
            analysis=analysis_of(step.analysis),
        )


def _pause(step: StepBlock) -> Pause | None:
    """In Kruise a step that says nothing of a pause waits until somebody confirms it, and 0 goes on at once."""
    seconds = step.pause.duration_seconds
    if seconds == 0:
        return None
    return Pause(duration_s=float(seconds) if seconds is not None else None)


def _unserved(rollout: Rollout) -> Iterator[Problem]:
    """What can't be put into a request at all; the rules of requests are asked afterwards."""
    strategy = rollout.spec.strategy
    if (strategy.canary is None) == (strategy.blue_green is None):
        value = "neither" if strategy.canary is None else "both"
        yield problem("spec.strategy", value, "exactly one of canary and blueGreen", "Give one of them.")
        return
    style, at = _style(rollout), rollout.style_path
    yield from one_service_problems(at, style)
    for index, routing in enumerate(style.traffic_routings):
        yield from routing_problems(f"{at}.trafficRoutings[{index}]", routing)
    for index, step in enumerate(style.steps):
        yield from _unserved_step(f"{at}.steps[{index}]", step)


def _unserved_step(at: str, step: StepBlock) -> Iterator[Problem]:
    if step.replicas is None:
        yield problem(f"{at}.replicas", "missing", "required", GIVE_AN_AMOUNT)
    if step.request_header_modifier is not None:
        yield from header_problems(f"{at}.requestHeaderModifier", step.request_header_modifier)
    weight = percent_of(step.traffic)
    if step.traffic is not None and (weight is None or weight > WHOLE_PERCENT):
        yield problem(f"{at}.traffic", step.traffic, "a whole percentage from 0% to 100%", GIVE_A_SHARE)
    for index, match in enumerate(step.matches):
        yield from match_problems(f"{at}.matches[{index}]", match)
