"""A route's rules with some requests marked by their headers, and back; pure.

As `shares`, where both versions have one Service: a rule in front for the requests that match, or the Service twice as
a backend, once with the change of headers. What is ours is known again by that change. Called by `rendering`.
"""

from collections.abc import Mapping
from typing import Any, Final

from tidegate_contracts.orders import HeaderChanges
from tidegate_traffic_shifter.matches import narrowed
from tidegate_traffic_shifter.seen import Rule
from tidegate_traffic_shifter.shares import Reference, Share, divided, holds, references_of

MODIFIER: Final = "RequestHeaderModifier"
FIELD: Final = "requestHeaderModifier"

Filter = dict[str, Any]


def render(original: list[Rule], namespace: str, share: Share, headers: HeaderChanges) -> list[Rule]:
    """The user's rules with the marks in each that sends to the Service; nothing of ours where nobody is marked."""
    if share.is_empty:
        return original
    if not share.matches:
        return [divided(rule, namespace, share, lambda each: _changed(each, headers)) for rule in original]
    holding = [rule for rule in original if holds([rule], namespace, share.service)]
    in_front = [_in_front(rule, share, headers) for rule in holding]
    return [rule for rule in in_front if rule is not None] + original


def recover(
    edited: list[Rule], original: list[Rule], namespace: str, share: Share, headers: HeaderChanges
) -> list[Rule]:
    """The user's rules as their edit means them: what carries our change of headers taken out."""
    rendered = render(original, namespace, share, headers)
    front, pairs = (
        rendered[: len(rendered) - len(original)],
        list(zip(original, _last(rendered, original), strict=True)),
    )
    alike = any(_carries(rule, headers) for rule in original)
    recovered = []
    for rule in edited:
        pair = next((each for each in pairs if each[1] == rule), None)
        if pair is not None:
            pairs.remove(pair)  # what is rendered alike comes back in order
            recovered.append(pair[0])
        elif rule not in front and (alike or not _carries(rule, headers)):
            recovered.append(_unmarked(rule, pairs, headers))
    return recovered


def _last(rendered: list[Rule], original: list[Rule]) -> list[Rule]:
    """What became of each of the user's rules."""
    return rendered[len(rendered) - len(original) :]


def _in_front(rule: Rule, share: Share, headers: HeaderChanges) -> Rule | None:
    """The same rule for the matched requests only; None where nothing can match."""
    found = narrowed(rule.get("matches"), share.matches)
    if not found:
        return None
    # A name would not be unique any more.
    kept = {name: part for name, part in rule.items() if name != "name"}
    return _changed(kept, headers) | {"matches": found}


def _changed(part: Mapping[str, Any], headers: HeaderChanges) -> dict[str, Any]:
    """A rule or a backend with our change added to its own; there may be one such filter only."""
    filters: list[Filter] = part.get("filters") or []
    own: Mapping[str, Any] = next((each[FIELD] for each in filters if each.get("type") == MODIFIER), {})
    others = [each for each in filters if each.get("type") != MODIFIER]
    return {**part, "filters": [*others, {"type": MODIFIER, FIELD: _both(own, headers)}]}


def _both(own: Mapping[str, Any], headers: HeaderChanges) -> dict[str, Any]:
    ours: dict[str, list[Any]] = {
        "set": [{"name": name, "value": value} for name, value in headers.set.items()],
        "add": [{"name": name, "value": value} for name, value in headers.add.items()],
        "remove": list(headers.remove),
    }
    taken = {_name(each) for parts in ours.values() for each in parts}
    merged = {
        what: [each for each in own.get(what) or [] if _name(each) not in taken] + parts for what, parts in ours.items()
    }
    return {what: parts for what, parts in merged.items() if parts}


def _name(entry: Any) -> str:
    """Of a header that is set or added, or, where it is removed, itself."""
    return str(entry["name"] if isinstance(entry, Mapping) else entry).lower()


def _carries(part: Mapping[str, Any], headers: HeaderChanges) -> bool:
    """Whether our change is in the filters of a rule or a backend."""
    wanted = _both({}, headers)
    for each in part.get("filters") or []:
        own: Mapping[str, Any] = each.get(FIELD) or {}
        if each.get("type") == MODIFIER and all(
            entry in (own.get(what) or []) for what, entries in wanted.items() for entry in entries
        ):
            return True
    return False


def _unmarked(rule: Rule, pairs: list[tuple[Rule, Rule]], headers: HeaderChanges) -> Rule:
    """Without our backends, and with the user's own numbers unless they are what was edited."""
    merged = _merged(rule, headers)
    if len(merged) == len(references_of(rule)):
        return rule
    alike = [own for own, mine in pairs if _merged(mine, headers) == merged]
    same = [own for own in alike if own.get("matches") == rule.get("matches")]
    own = next(iter(same or alike), None)
    return rule | {"backendRefs": references_of(own) if own is not None else merged}


def _merged(rule: Rule, headers: HeaderChanges) -> list[Reference]:
    """Its backends but for ours, whose share goes to the ones before them."""
    kept: list[Reference] = []
    for each in references_of(rule):
        if not (kept and _carries(each, headers)):
            kept.append(each)
        else:
            kept[-1] = kept[-1] | {"weight": int(kept[-1].get("weight", 1)) + int(each.get("weight", 1))}
    return kept
