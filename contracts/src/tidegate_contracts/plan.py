"""What a request's steps mean once the defaults are filled in: the plan that an accepted event carries.

Pure; called by the orchestrator when it accepts a request and by `tidegate request --dry-run`.
"""

import re
from typing import Final

import msgspec

from tidegate_contracts.orders import Target
from tidegate_contracts.rollout import Analysis, HeaderChange, HttpMatch, Pause, RolloutRequested, Step, StepTraffic

WHOLE_PERCENT: Final = 100
_PERCENT: Final = re.compile(r"([0-9]{1,3})%", re.ASCII)


class PlannedStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step with nothing left open. `weight_percent` is None only where the rollout has no traffic."""

    number: int
    target: Target
    weight_percent: int | None = None
    matches: tuple[HttpMatch, ...] = ()
    request_headers: HeaderChange | None = None
    mirror_percent: int = 0
    pause: Pause | None = None
    analysis: Analysis | None = None
    added: bool = False
    """True for the last step to 100 % that a request left out."""

    @property
    def requests(self) -> tuple[int | None, tuple[HttpMatch, ...], HeaderChange | None, int]:
        """Which requests reach the new version, what becomes of their headers, and how many are only copied to it."""
        return self.weight_percent, self.matches, self.request_headers, self.mirror_percent


def parse_target(replicas: int | str) -> Target | None:
    """A step's `replicas`, or a threshold; None where it is neither a count nor a whole percentage."""
    if isinstance(replicas, int):
        return Target(count=replicas)
    match = _PERCENT.fullmatch(replicas)
    return Target(percent=int(match.group(1))) if match else None


def least_ready(pods: int, threshold: Target | None) -> int:
    """How many of a batch's pods have to be ready: all but those that may be unready, and one where there are any."""
    allowed = 0
    if threshold is not None:
        allowed = threshold.count if threshold.count is not None else -(-pods * (threshold.percent or 0) // 100)
    return max(pods - allowed, min(pods, 1))


def plan(request: RolloutRequested) -> tuple[PlannedStep, ...]:
    """The steps of a valid request, in order, ending at 100 % of pods and, where it has routes, of traffic.

    A step that says nothing of traffic keeps the share of the step before. In the style partition a step to all pods
    leaves none of the old ones, so that all traffic comes with it; in the others they are still there.
    """
    planned: list[PlannedStep] = []
    weight = 0
    for number, step in enumerate(_with_last(request), start=1):
        target = parse_target(step.replicas)
        assert target is not None, "a plan is made of validated steps only"
        if step.traffic is not None and step.traffic.weight_percent is not None:
            weight = step.traffic.weight_percent
        if target.percent == WHOLE_PERCENT and request.style == "partition":
            weight = WHOLE_PERCENT
        planned.append(
            PlannedStep(
                number=number,
                target=target,
                weight_percent=weight if request.traffic else None,
                matches=step.traffic.matches if step.traffic else (),
                request_headers=step.traffic.request_headers if step.traffic else None,
                mirror_percent=(step.traffic.mirror_percent or 0) if step.traffic else 0,
                pause=step.pause,
                analysis=step.analysis,
                added=number > len(request.steps),
            )
        )
    return tuple(planned)


def _with_last(request: RolloutRequested) -> tuple[Step, ...]:
    steps = request.steps
    ends_whole = (
        bool(steps) and steps[-1].replicas == "100%" and (_whole_by_itself(request) or _weight(steps) == WHOLE_PERCENT)
    )
    if ends_whole:
        return steps
    traffic = StepTraffic(weight_percent=WHOLE_PERCENT) if request.traffic else None
    return (*steps, Step(replicas="100%", traffic=traffic))


def _whole_by_itself(request: RolloutRequested) -> bool:
    """Whether all pods are all there is to a last step."""
    return request.style == "partition" or not request.traffic


def _weight(steps: tuple[Step, ...]) -> int:
    """The share after the steps."""
    weights = [step.traffic.weight_percent for step in steps if step.traffic is not None]
    return next((weight for weight in reversed(weights) if weight is not None), 0)
