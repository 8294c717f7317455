"""What a step of Kruise's says of traffic, in the words of a request. Pure; called by `translate`.

A step that says nothing of it is one in Kruise, too: the Service selects all pods again, so that the new ones get
requests by their number. A router is told that number's share instead, and no Service is let go in between.
"""

from collections.abc import Iterator
from typing import Final

from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_contracts.rollout import StepTraffic
from tidegate_contracts.rollout import Style as StyleName
from tidegate_rollout_operator.kruise import StepBlock, Style
from tidegate_rollout_operator.routing import header_change, match_of, references
from tidegate_rollout_operator.step_words import heard
from tidegate_rollout_operator.validation import percent_of

ALL_PODS: Final = "100%"
INGRESSES: Final = "ingress-"
"""How the names of the routers begin whose annotations have places for a share and for matches at once."""


def traffic_of_steps(style: Style, name: StyleName) -> Iterator[StepTraffic | None]:
    """None where the request's own rule is meant: all of it with all pods in a partition, and else what was before."""
    whole = False
    for step in style.steps:
        said = _traffic(style, name, step) if style.traffic_routings else None
        # With all of the traffic on them already, more pods in place of stable ones take none away.
        silent = step.traffic is None and not step.matches
        yield None if whole and silent else said
        whole = whole or (name == "partition" and percent_of(step.traffic) == WHOLE_PERCENT)


def _traffic(style: Style, name: StyleName, step: StepBlock) -> StepTraffic | None:
    if name == "partition" and step.replicas == ALL_PODS:
        return None
    routers = {reference.router for _, reference in references(style)}
    spoken = heard(step, routers).step
    change = header_change(spoken.request_header_modifier)
    weight = percent_of(step.traffic)
    if step.matches:
        both = all(router.startswith(INGRESSES) for router in routers)
        matches = tuple(match_of(match) for match in spoken.matches)
        return StepTraffic(weight_percent=(weight or 0) if both else 0, matches=matches, request_headers=change)
    if weight is not None:
        return StepTraffic(weight_percent=weight, request_headers=change)
    by_number = _by_number(step, name)
    return StepTraffic(weight_percent=by_number) if by_number is not None else None


def _by_number(step: StepBlock, name: StyleName) -> int | None:
    """The share of the new pods among all that are there by the step's end; a count's isn't known beforehand."""
    percent = percent_of(step.replicas)
    if percent is None:
        return None
    every = WHOLE_PERCENT if name == "partition" else WHOLE_PERCENT + percent
    return WHOLE_PERCENT * percent // every
