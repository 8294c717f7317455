"""What Kruise's rules for v1alpha1 have beyond those for v1beta1, which it is converted to before it is judged. Pure.

Called by `reviews` for who writes v1alpha1, with `validation`. A weight is judged where a step has nothing else: as the
replicas that it stands for.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from tidegate_contracts.problem import Problem, problem
from tidegate_rollout_operator.kruise import ROLLING_STYLE
from tidegate_rollout_operator.validation import BLOCKS, percent_of

STYLES: Final = ("", "canary", "partition")
STYLE_FIELD: Final = f"metadata.annotations[{ROLLING_STYLE}]"
STEPS: Final = f"spec.strategy.{BLOCKS[0]}.steps"


def problems_of_former(annotations: Mapping[str, str], spec: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Those of a Rollout that was written in v1alpha1.

    Args:
        annotations: The Rollout's own.
        spec: As v1beta1.
    """
    return tuple(_problems(annotations, spec))


def _problems(annotations: Mapping[str, str], spec: Mapping[str, Any]) -> Iterator[Problem]:
    style = annotations.get(ROLLING_STYLE, "")
    if style.lower() not in STYLES:
        yield problem(STYLE_FIELD, style, "canary or partition, or left out", "Use one of these.")
    block = (spec.get("strategy") or {}).get(BLOCKS[0]) or {}
    steps = block.get("steps") or []
    if block.get("trafficRoutings"):
        yield from _falling(steps)


def _falling(steps: list[Mapping[str, Any]]) -> Iterator[Problem]:
    for index, (one, other) in enumerate(pairwise(steps), start=1):
        before, after = percent_of(one.get("traffic")), percent_of(other.get("traffic"))
        if before is not None and after is not None and after < before:
            rule = f"at least the {before} of the step before"
            yield problem(f"{STEPS}[{index}].weight", after, rule, "Let weights grow.")
