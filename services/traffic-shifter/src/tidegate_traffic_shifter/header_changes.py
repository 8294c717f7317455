"""The Gateway API's filter that changes request headers, with an order's change in it. Pure.

Called by `gateway_rules` and `marked`. A rule or a backend may hold the filter once, so that the user's own one and
ours become one; ours wins.
"""

from collections.abc import Mapping
from typing import Any, Final

from tidegate_contracts.rollout import HeaderChange

MODIFIER: Final = "RequestHeaderModifier"
FIELD: Final = "requestHeaderModifier"
Filter = dict[str, Any]


def changed(part: Mapping[str, Any], change: HeaderChange) -> dict[str, Any]:
    """A rule or a backend with the change after its own filters, in the place of its own modifier."""
    return {**part, "filters": _with_change(part.get("filters") or [], change)}


def _with_change(filters: list[Filter], change: HeaderChange) -> list[Filter]:
    own = next((each for each in filters if each.get("type") == MODIFIER), None)
    if own is None:
        return [*filters, _modifier({}, change)]
    modifier = _modifier(own.get(FIELD) or {}, change)
    return [modifier if each is own else each for each in filters]


def _modifier(own: dict[str, Any], change: HeaderChange) -> Filter:
    return {"type": MODIFIER, FIELD: joined(own, change)}


def joined(own: dict[str, Any], change: HeaderChange) -> dict[str, Any]:
    """The fields of the user's own modifier with the change in them."""
    ours = {name.lower() for name in (*change.set, *change.add, *change.remove)}
    parts: dict[str, list[Any]] = {}
    for part, wanted in (("set", change.set), ("add", change.add)):
        kept = [each for each in own.get(part) or [] if each["name"].lower() not in ours]
        parts[part] = kept + [{"name": name, "value": value} for name, value in wanted.items()]
    parts["remove"] = [name for name in own.get("remove") or [] if name.lower() not in ours] + list(change.remove)
    return {part: found for part, found in parts.items() if found}
