"""The Gateway API's filters that change headers, of requests or of answers, with an order's change in them. Pure.

Called by `gateway_rules` and `marked`. A rule or a backend may hold the filter once, so that the user's own one and
ours become one; ours wins.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tidegate_contracts.rollout import HeaderChange

SET_COOKIE: Final = "Set-Cookie"


class Modifier(NamedTuple):
    type: str
    field: str


REQUEST: Final = Modifier("RequestHeaderModifier", "requestHeaderModifier")
RESPONSE: Final = Modifier("ResponseHeaderModifier", "responseHeaderModifier")
Filter = dict[str, Any]


def changed(part: Mapping[str, Any], change: HeaderChange, of: Modifier = REQUEST) -> dict[str, Any]:
    """A rule or a backend with the change after its own filters, in the place of its own modifier."""
    return {**part, "filters": _with_change(part.get("filters") or [], change, of)}


def _with_change(filters: list[Filter], change: HeaderChange, of: Modifier) -> list[Filter]:
    own = next((each for each in filters if each.get("type") == of.type), None)
    wanted = {"type": of.type, of.field: joined((own or {}).get(of.field) or {}, change)}
    return [*filters, wanted] if own is None else [wanted if each is own else each for each in filters]


def touches(own: Mapping[str, Any], name: str) -> bool:
    """Whether the user's own modifier changes the header, however it is said: by lists of entries, or by maps."""
    listed = (each for part in ("set", "add") for each in own.get(part) or [])
    names = [*(each if isinstance(each, str) else each["name"] for each in listed), *(own.get("remove") or [])]
    return name.lower() in map(str.lower, names)


def joined(own: dict[str, Any], change: HeaderChange) -> dict[str, Any]:
    """The fields of the user's own modifier with the change in them."""
    ours = {name.lower() for name in (*change.set, *change.add, *change.remove)}
    parts: dict[str, list[Any]] = {}
    for part, wanted in (("set", change.set), ("add", change.add)):
        kept = [each for each in own.get(part) or [] if each["name"].lower() not in ours]
        parts[part] = kept + [{"name": name, "value": value} for name, value in wanted.items()]
    parts["remove"] = [name for name in own.get("remove") or [] if name.lower() not in ours] + list(change.remove)
    return {part: found for part, found in parts.items() if found}
