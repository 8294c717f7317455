"""The merge patch that takes what a format writes from one state to another, taking fields away, too. Pure.

Called by `rewriting`, and by the `conformance` kit in its place: a part may be fields of an object, such as
annotations, that are more after a share than before it.
"""

from typing import Any, Final, cast

Body = dict[str, Any]

WRITABLE: Final = ("annotations", "labels")
"""Of an object's metadata: what a format may write beside the spec."""


def replacing(before: Body, after: Body) -> Body:
    """`after` as a patch on an object in which `before` stands: what is there no longer is null."""
    gone: Body = {field: None for field in before if field not in after}
    return {field: _replacing(before.get(field), part) for field, part in after.items()} | gone


def _replacing(before: Any, after: Any) -> Any:
    if isinstance(before, dict) and isinstance(after, dict):
        return replacing(cast("Body", before), cast("Body", after))
    return after


def applied(found: Body, patch: Body) -> Body:
    """What a merge patch (RFC 7386) makes of an object, as the API server carries it out."""
    merged = dict(found)
    for field, part in patch.items():
        if part is None:
            merged.pop(field, None)
        elif isinstance(part, dict):
            inside = merged.get(field)
            merged[field] = applied(cast("Body", inside) if isinstance(inside, dict) else {}, cast("Body", part))
        else:
            merged[field] = part
    return merged


def is_counted(patch: Body) -> bool:
    """Whether the API server counts what is written up in the object's generation."""
    return set(patch) <= {"spec"}


def foreign(patch: Body, prefix: str) -> list[str]:
    """What of the patch no format may write: all but the spec, and labels and annotations that aren't ours."""
    metadata = patch.get("metadata") or {}
    found = [field for field in patch if field not in ("spec", "metadata")]
    found += [f"metadata.{field}" for field in metadata if field not in WRITABLE]
    return found + [name for field in WRITABLE for name in metadata.get(field) or {} if name.startswith(prefix)]
