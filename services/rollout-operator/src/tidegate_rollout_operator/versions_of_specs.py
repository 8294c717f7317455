"""A Rollout's spec of one version in the words of the other, as Kruise Rollouts' own conversion says them. Pure.

Called by `conversion`, which cares for what the other version has no words for.
"""

import re
from typing import Any, Final

Json = dict[str, Any]

CANARY: Final = "canary"
_STRATEGY_SHOWN: Final = ("paused",)
_BLOCK_SHOWN: Final = (
    "steps",
    "trafficRoutings",
    "failureThreshold",
    "patchPodTemplateMetadata",
    "disableGenerateCanaryService",
)
_STEP_SHOWN: Final = ("replicas", "matches", "requestHeaderModifier", "pause")
_MATCH_SHOWN: Final = ("headers",)
_WHOLE_PERCENT: Final = re.compile(r"(-?[0-9]+)%", re.ASCII)


def stored(spec: Json, *, beside: bool, routing: str = "") -> Json:
    """v1alpha1's as v1beta1's.

    Args:
        spec: As v1alpha1 has it.
        beside: Whether the annotation for the style asks for an extra workload.
        routing: The TrafficRouting that an annotation names.
    """
    strategy = as_object(spec.get("strategy"))
    made = _some(spec, ("disabled",))
    if (reference := as_object(spec.get("objectRef")).get("workloadRef")) is not None:
        made["workloadRef"] = reference
    if (canary := strategy.get(CANARY)) is not None:
        block = {**as_object(canary), "enableExtraWorkloadForCanary": beside}
        block["steps"] = [_stored_step(as_object(each)) for each in as_list(canary, "steps")]
        strategy = {**strategy, CANARY: block | ({"trafficRoutingRef": routing} if routing else {})}
    return {**made, "strategy": strategy}


def _stored_step(step: Json) -> Json:
    weight = step.get("weight")
    made = {name: value for name, value in step.items() if name != "weight"}
    return made if weight is None else {"replicas": f"{weight}%", **made, "traffic": f"{weight}%"}


def former(spec: Json) -> Json:
    """Of v1beta1's what v1alpha1 has words for."""
    strategy = as_object(spec.get("strategy"))
    made = _some(spec, ("disabled",))
    if (reference := spec.get("workloadRef")) is not None:
        made["objectRef"] = {"workloadRef": reference}
    shown = _some(strategy, _STRATEGY_SHOWN)
    if (canary := strategy.get(CANARY)) is not None:
        steps = [_former_step(as_object(each)) for each in as_list(canary, "steps")]
        shown[CANARY] = _some(as_object(canary), _BLOCK_SHOWN) | {"steps": steps}
    return {**made, "strategy": shown}


def _former_step(step: Json) -> Json:
    made = _some(step, _STEP_SHOWN)
    if "matches" in made:
        made["matches"] = [_some(as_object(each), _MATCH_SHOWN) for each in as_list(made, "matches")]
    weight = _WHOLE_PERCENT.fullmatch(str(step.get("traffic")))
    return {**made, "weight": int(weight[1])} if weight is not None else made


def as_written(shown: Json, written: Json) -> Json:
    """What v1alpha1 shows, in the words of who wrote it, wherever they still say the same: a step of a weight alone.

    Args:
        shown: What is made of v1beta1's.
        written: The spec as somebody wrote it in v1alpha1, or as much of it as was kept.
    """
    canary = as_object(shown["strategy"].get(CANARY))
    steps, said = as_list(canary, "steps"), steps_of(written)
    again = [_same(each, *said[index : index + 1]) for index, each in enumerate(steps)]
    strategy = {**shown["strategy"], CANARY: {**canary, "steps": again}} if steps else shown["strategy"]
    return {**shown, **_some(written, ("rolloutID",)), "strategy": strategy}


def _same(step: Json, *said: Any) -> Json:
    meant = [each for each in map(as_object, said) if _stored_step(each) == _stored_step(step)]
    return meant[0] if meant else step


def steps_of(spec: Json) -> list[Any]:
    return as_list(as_object(spec.get("strategy")).get(CANARY), "steps")


def _some(found: Json, names: tuple[str, ...]) -> Json:
    return {name: value for name, value in found.items() if name in names}


def as_object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def as_list(value: Any, name: str) -> list[Any]:
    found = as_object(value).get(name)
    return found if isinstance(found, list) else []
