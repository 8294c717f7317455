"""What Kruise's rules for v1alpha1 have beyond those for v1beta1, which it is converted to before it is judged. Pure.

Called by `reviews` for who writes v1alpha1, with `validation`.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from tidegate_contracts.problem import Problem, problem
from tidegate_rollout_operator.kruise import ROLLING_STYLE
from tidegate_rollout_operator.validation import BLOCKS, percent_of, workload_of, wrong_share

STYLES: Final = ("", "canary", "partition")
STYLE_FIELD: Final = f"metadata.annotations[{ROLLING_STYLE}]"
DEPLOYMENT: Final = ("apps", "Deployment")
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
    workload = workload_of(spec)
    # In v1beta1 the extra workload that only a Deployment gets excuses every kind.
    if block.get("enableExtraWorkloadForCanary") and (workload.group, workload.kind) != DEPLOYMENT:
        for index, step in enumerate(steps):
            yield from wrong_share(f"{STEPS}[{index}]", step)


def _falling(steps: list[Mapping[str, Any]]) -> Iterator[Problem]:
    for index, (one, other) in enumerate(pairwise(steps), start=1):
        before, after = percent_of(one.get("traffic")), percent_of(other.get("traffic"))
        if before is not None and after is not None and after < before:
            rule = f"at least the {before} of the step before"
            yield problem(f"{STEPS}[{index}].weight", after, rule, "Let weights grow.")
