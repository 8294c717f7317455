"""What is kept on an object that a script wrote: the user's own part, what was made of it, and for which share. Pure.

`scripting` writes it as annotations, and finds the user's own part again by it, edited or not.
"""

from typing import Any, NamedTuple

import msgspec

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.routers import SCRIPT
from tidegate_traffic_shifter import marks
from tidegate_traffic_shifter.router import Marked
from tidegate_traffic_shifter.script_parts import Part, Scripted
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.three_way import merge, merge_patch


class Kept(NamedTuple):
    original: Part
    made: Part
    """As the API server had it, with its defaults."""
    share: Share

    def annotations(self, route: str) -> dict[str, Any]:
        """By their names behind our prefix."""
        return {
            "original-rules": self.original,
            "made": self.made,
            "share": self.share,
            "router": [SCRIPT, route],
        }


class Own(NamedTuple):
    """The user's own part, and where both the script and an edit changed it: there the edit is not in it."""

    part: Part
    conflicts: tuple[str, ...] = ()


def read(found: Scripted) -> Kept | None:
    """What is kept; None on an object that no script of ours has written."""
    annotations = found.metadata.annotations
    parts = marks.saved_part(annotations), marks.saved_made(annotations)
    share = marks.saved_share(annotations)
    if None in parts or share is None:
        return None
    original, made = (msgspec.convert(each, Part) for each in parts)
    return Kept(original, made, share)


def own(found: Scripted) -> Own:
    """As it was kept, with every edit since."""
    kept = read(found)
    if kept is None:
        return Own(found.part)
    sides = (msgspec.to_builtins(each) for each in (kept.original, kept.made, found.part))
    merged = merge(*sides)
    return Own(msgspec.convert(merged.part, Part), merged.conflicts)


def stands(found: Scripted, share: Share) -> bool:
    """Whether it carries this share, and nobody has edited it since."""
    kept = read(found)
    return kept is not None and kept.share == share and kept.made == found.part


def edit(found: Scripted) -> dict[str, Any]:
    """What somebody has made of it since it was written, as a merge patch says it; empty where nobody has."""
    kept = read(found)
    return changes(kept.made, found.part) if kept is not None else {}


def changes(before: Part, after: Part) -> dict[str, Any]:
    """The merge patch that makes one part of another."""
    metadata = {
        name: each
        for name in ("labels", "annotations")
        if (each := merge_patch(getattr(before, name), getattr(after, name)))
    }
    spec = merge_patch(before.spec, after.spec)
    return ({"metadata": metadata} if metadata else {}) | ({"spec": spec} if spec else {})


def patch(found: Scripted, wanted: Part, annotations: dict[str, Any]) -> dict[str, Any]:
    """The merge patch that makes the wanted part stand in the object, with these annotations of ours."""
    body = changes(found.part, wanted)
    metadata = dict(body.get("metadata", {}))
    metadata["annotations"] = metadata.get("annotations", {}) | annotations
    return body | {"metadata": metadata | {"resourceVersion": found.metadata.resource_version}}


def marked(resource: Resource, found: Scripted) -> Marked | None:
    """A held object, to be given back without an order; None for one that no script of ours has written."""
    metadata, kept = found.metadata, read(found)
    held = marks.read(metadata.annotations)
    if held is None or kept is None:
        return None
    share = kept.share
    return Marked(
        metadata.namespace,
        metadata.name,
        share.service,
        share.canary_service,
        held,
        kind=resource.kind,
        api_version=resource.api_version,
    )
