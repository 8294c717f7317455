"""What a script is given and what it may answer: Kruise's format, unchanged. Pure; called by the edges for scripts.

A script for an object finds in `obj` its spec, labels and annotations (`data`) and what the new version gets, and
returns a table like `data`. A script for an Ingress finds and returns annotations.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_contracts.rollout import HeaderChange, HttpMatch
from tidegate_traffic_shifter import marks
from tidegate_traffic_shifter.canary_ingress import own_annotations
from tidegate_traffic_shifter.lua.answer import Failed, Result
from tidegate_traffic_shifter.share import Share

ALL: Final = 100
UNSET: Final = -1
"""A share that is not said, beside matches."""
PATTERN: Final = "RegularExpression"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """As much of an object as a script may change."""

    spec: dict[str, Any] = {}
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Scripted(KubernetesObject, frozen=True):
    """An object of any kind."""

    spec: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def part(self) -> Part:
        """Without our marks and the annotations that tools keep for themselves."""
        return Part(spec=self.spec, labels=self.metadata.labels, annotations=own_annotations(self))


def object_input(original: Part, share: Share) -> dict[str, Any]:
    """What a script for an object finds in `obj`."""
    weight = _weight(share)
    return {
        "data": msgspec.to_builtins(original),
        "canaryWeight": weight,
        "stableWeight": ALL - weight,
        "stableService": share.service,
    } | _both(share)


def ingress_input(annotations: Mapping[str, str], share: Share) -> dict[str, Any]:
    """What a script for an Ingress finds in `obj`."""
    return {"annotations": dict(annotations), "weight": str(_weight(share))} | _both(share)


def part_of(result: Result) -> Part | Failed:
    """An object's script's answer; what it leaves out of labels and annotations is gone."""
    if isinstance(result, Failed):
        return result
    if unknown := sorted(set(result) - set(Part.__struct_fields__)):
        return Failed(f"it returned {unknown[0]!r}; a table with spec, labels and annotations is expected")
    if "spec" not in result:
        return Failed("it returned no spec")
    try:
        part = msgspec.convert(result, Part)
    except msgspec.ValidationError as error:
        return Failed(f"what it returned is no spec, labels and annotations: {error}")
    return _without_marks(part.annotations) or part


def annotations_of(result: Result) -> dict[str, str] | Failed:
    """An Ingress's script's answer."""
    if isinstance(result, Failed):
        return result
    try:
        annotations = msgspec.convert(result, dict[str, str])
    except msgspec.ValidationError as error:
        return Failed(f"what it returned are no annotations: {error}")
    return _without_marks(annotations) or annotations


def _without_marks(annotations: Mapping[str, str]) -> Failed | None:
    ours = next((name for name in annotations if name.startswith(marks.PREFIX)), None)
    return Failed(f"it returned the annotation {ours}, which is ours alone") if ours is not None else None


def _weight(share: Share) -> int:
    return UNSET if share.matches and not share.weight_percent else share.weight_percent


def _both(share: Share) -> dict[str, Any]:
    change = share.request_headers or share.headers
    said: dict[str, Any] = {"canaryService": share.canary_service}
    if share.matches:
        said["matches"] = [_match(match) for match in share.matches]
    if change is not None:
        said["requestHeaderModifier"] = _modifier(change)
    return said


def _match(match: HttpMatch) -> dict[str, Any]:
    """As the Gateway API spells it, and Kruise with it."""
    said: dict[str, Any] = {}
    for path, kind in ((match.path_exact, "Exact"), (match.path_prefix, "PathPrefix"), (match.path_regex, PATTERN)):
        if path is not None:
            said["path"] = {"type": kind, "value": path}
    if match.headers or match.headers_regex:
        said["headers"] = [*_conditions(match.headers, "Exact"), *_conditions(match.headers_regex, PATTERN)]
    if match.query or match.query_regex:
        said["queryParams"] = [*_conditions(match.query, "Exact"), *_conditions(match.query_regex, PATTERN)]
    return said


def _conditions(found: Mapping[str, str], kind: str) -> list[dict[str, str]]:
    return [{"type": kind, "name": name, "value": value} for name, value in found.items()]


def _modifier(change: HeaderChange) -> dict[str, Any]:
    pairs = {"set": change.set, "add": change.add}
    said: dict[str, Any] = {
        part: [{"name": name, "value": value} for name, value in found.items()]
        for part, found in pairs.items()
        if found
    }
    return said | ({"remove": list(change.remove)} if change.remove else {})
