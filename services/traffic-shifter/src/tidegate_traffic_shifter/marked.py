"""A route's rules with some requests marked by their headers, and back; pure.

As `shares`, where both versions have one Service: a rule in front for the requests that match, or the Service twice as
a backend, once with the change of headers. What is ours is known again by that change. Called by `rendering`.
"""

from collections.abc import Mapping
from typing import Any

from tidegate_contracts.rollout import HeaderChange
from tidegate_traffic_shifter.header_changes import FIELD, MODIFIER, joined, with_change
from tidegate_traffic_shifter.matches import Narrow
from tidegate_traffic_shifter.seen import Rule
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.shares import Reference, divided, holds, in_front, references_of


def render(original: list[Rule], namespace: str, share: Share, narrow: Narrow) -> list[Rule]:
    """The user's rules with the marks in each that sends to the Service; nothing of ours where nobody is marked."""
    headers = share.headers
    if share.is_empty or headers is None:
        return original
    if not share.matches:
        return [divided(rule, namespace, share, lambda each: _changed(each, headers)) for rule in original]
    holding = [rule for rule in original if holds([rule], namespace, share.service)]
    fronts = [in_front(rule, share, narrow) for rule in holding]
    return [_changed(front, headers) for front in fronts if front is not None] + original


def recover(edited: list[Rule], original: list[Rule], namespace: str, share: Share, narrow: Narrow) -> list[Rule]:
    """The user's rules as their edit means them: what carries our change of headers taken out."""
    headers = share.headers or HeaderChange()
    rendered = render(original, namespace, share, narrow)
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


def _changed(part: Mapping[str, Any], headers: HeaderChange) -> dict[str, Any]:
    """A rule or a backend with our change added to its own; there may be one such filter only."""
    return {**part, "filters": with_change(part.get("filters") or [], headers)}


def _carries(part: Mapping[str, Any], headers: HeaderChange) -> bool:
    """Whether our change is in the filters of a rule or a backend."""
    wanted = joined({}, headers)
    for each in part.get("filters") or []:
        own: Mapping[str, Any] = each.get(FIELD) or {}
        if each.get("type") == MODIFIER and all(
            entry in (own.get(what) or []) for what, entries in wanted.items() for entry in entries
        ):
            return True
    return False


def _unmarked(rule: Rule, pairs: list[tuple[Rule, Rule]], headers: HeaderChange) -> Rule:
    """Without our backends, and with the user's own numbers unless they are what was edited."""
    merged = _merged(rule, headers)
    if len(merged) == len(references_of(rule)):
        return rule
    alike = [own for own, mine in pairs if _merged(mine, headers) == merged]
    same = [own for own in alike if own.get("matches") == rule.get("matches")]
    own = next(iter(same or alike), None)
    return rule | {"backendRefs": references_of(own) if own is not None else merged}


def _merged(rule: Rule, headers: HeaderChange) -> list[Reference]:
    """Its backends but for ours, whose share goes to the ones before them."""
    kept: list[Reference] = []
    for each in references_of(rule):
        if not (kept and _carries(each, headers)):
            kept.append(each)
        else:
            kept[-1] = kept[-1] | {"weight": int(kept[-1].get("weight", 1)) + int(each.get("weight", 1))}
    return kept
