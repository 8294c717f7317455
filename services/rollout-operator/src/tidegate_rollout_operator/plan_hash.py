"""The hash of a Rollout's plan, as Kruise keeps it in the annotation and in the status to see that the plan changed.

Pure; called by `reconcile` and `projection`. It is over Go's JSON of the block `canary` or `blueGreen`, without
`failureThreshold` and the pauses: fields in the order of Kruise's types, and without what Go leaves out as empty.
"""

import hashlib
from typing import Any, Final, Literal, NamedTuple

import msgspec

from tidegate_rollout_operator.go_safe import safe_encoded
from tidegate_rollout_operator.kruise import Rollout

Written = Literal["always", "set", "filled"]
"""When Go writes a field: a plain one; a pointer that leads somewhere; one that is not empty."""

ESCAPED: Final = str.maketrans({each: f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"})
"""Go writes these so in JSON, for whoever puts it into a page."""


class Field(NamedTuple):
    name: str
    written: Written = "filled"
    fields: tuple["Field", ...] = ()
    """Of what stands there, or of each of its elements; none for values, and for maps of texts."""


_NAMED: Final = (Field("name", "always"), Field("value", "always"))
_VALUE_MATCH: Final = (Field("type"), *_NAMED)
_STEP: Final = (
    Field("traffic", "set"),
    Field("requestHeaderModifier", "set", (Field("set", fields=_NAMED), Field("add", fields=_NAMED), Field("remove"))),
    Field(
        "matches",
        fields=(
            Field("path", "set", (Field("type"), Field("value"))),
            Field("headers", fields=_VALUE_MATCH),
            Field("queryParams", fields=_VALUE_MATCH),
        ),
    ),
    Field("replicas", "set"),
    Field("pause", "always", (Field(""),)),
)
_ROUTING: Final = (
    Field("service", "always"),
    Field("gracePeriodSeconds"),
    Field("ingress", "set", (Field("classType"), Field("name", "always"))),
    Field("gateway", "set", (Field("httpRouteName", "set"),)),
    Field(
        "customNetworkRefs", fields=(Field("apiVersion", "always"), Field("kind", "always"), Field("name", "always"))
    ),
)
_BEFORE: Final = (Field("steps", fields=_STEP), Field("trafficRoutings", fields=_ROUTING))
_CANARY_ONLY: Final = (
    Field("patchPodTemplateMetadata", "set", (Field("annotations"), Field("labels"))),
    Field("enableExtraWorkloadForCanary"),
)
_AFTER: Final = (Field("trafficRoutingRef"), Field("disableGenerateCanaryService"))


def plan_hash(rollout: Rollout) -> str:
    """Empty for a Rollout without a plan."""
    strategy = rollout.spec.strategy
    plan = strategy.blue_green or strategy.canary
    if plan is None:
        return ""
    fields = (*_BEFORE, *(_CANARY_ONLY if plan is strategy.canary else ()), *_AFTER)
    text = msgspec.json.encode(_as_go_writes(fields, msgspec.to_builtins(plan))).decode().translate(ESCAPED)
    return safe_encoded(hashlib.sha256(text.encode()).hexdigest())


def _as_go_writes(fields: tuple[Field, ...], value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_as_go_writes(fields, each) for each in value]
    if not isinstance(value, dict):
        return value
    if not fields:
        return dict(sorted(value.items(), key=lambda item: str(item[0]).encode()))
    return {
        field.name: _as_go_writes(field.fields, value.get(field.name))
        for field in fields
        if _is_written(field.written, value.get(field.name))
    }


def _is_written(written: Written, value: Any) -> bool:
    return written == "always" or (value is not None if written == "set" else bool(value))
