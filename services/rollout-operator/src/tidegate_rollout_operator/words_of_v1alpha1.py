"""Faults of a Rollout that was written in v1alpha1, said of the fields that its author wrote. Pure.

Called by `reviews`: what is judged is always v1beta1, into which the API server has it converted first.
"""

import re
from typing import Final

from msgspec.structs import replace

from tidegate_contracts.problem import Problem
from tidegate_rollout_operator.validation import AMOUNT, GIVE_A_SHARE, GIVE_AN_AMOUNT, GIVEN, NEED_FEWER, UNDER_WAY
from tidegate_rollout_operator.validation_v1alpha1 import STYLE_FIELD
from tidegate_rollout_operator.versions_of_specs import Json, as_object, steps_of

_WORKLOAD: Final = "spec.workloadRef"
_STRATEGY: Final = "spec.strategy"
_STEP: Final = re.compile(r"(spec\.strategy\.canary\.steps\[([0-9]+)\])\.(replicas|traffic)")
_PERCENT: Final = re.compile(r'"?([0-9]+)%"?', re.ASCII)

_OF_REPLICAS: Final = {
    GIVEN: "given in every step without a weight",
    NEED_FEWER: "Leave weight and matches out of this step, or use canary.",
}
_OF_A_WEIGHT: Final = {
    AMOUNT: "1 to 100",
    GIVE_AN_AMOUNT: "Write 20.",
    GIVE_A_SHARE: "Write 20.",
    NEED_FEWER: "Give the step replicas of its own, or use canary.",
}
"""What reads otherwise there."""


def in_former_words(found: Problem, written: Json) -> Problem:
    """The same fault.

    Args:
        found: As v1beta1 has it.
        written: The spec as it reads in v1alpha1.
    """
    if found.field.startswith(_WORKLOAD):
        return replace(found, field=f"spec.objectRef{found.field.removeprefix('spec')}")
    if found.field == _STRATEGY:
        return _of_the_style(found)
    step = _STEP.fullmatch(found.field)
    return _of_a_step(found, step, written) if step is not None else found


def _of_the_style(found: Problem) -> Problem:
    """v1alpha1 has one style's block, and says in an annotation whether that is done beside or in place."""
    if found.rule == UNDER_WAY:
        return replace(found, field=STYLE_FIELD)
    return replace(found, field=f"{_STRATEGY}.canary", value="none", rule="the steps", remedy="Give them.")


def _of_a_step(found: Problem, step: re.Match[str], written: Json) -> Problem:
    """A step of a weight alone has as many pods as its weight says."""
    at, index, part = step.groups()
    said = as_object(steps_of(written)[int(index)])
    if part == "replicas" and ("replicas" in said or "weight" not in said):
        rule, remedy = (_OF_REPLICAS.get(each, each) for each in (found.rule, found.remedy))
        return replace(found, rule=rule, remedy=remedy)
    rule, remedy = (_OF_A_WEIGHT.get(each, each) for each in (found.rule, found.remedy))
    return Problem(field=f"{at}.weight", value=_number(found.value), rule=_number(rule), remedy=remedy)


def _number(text: str) -> str:
    """A weight is a number, where v1beta1 writes a percentage."""
    return _PERCENT.sub(r"\1", text)
