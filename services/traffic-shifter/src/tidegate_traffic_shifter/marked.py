"""A route's rules with some requests marked by their headers, and back. Pure.

For where both versions have one Service: a rule in front for the requests that match, or the Service twice as a
backend, once with the change of headers. What is ours is known again by that change. Called by `gateway_rules`.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from tidegate_contracts.rollout import HeaderChange
from tidegate_traffic_shifter.backends import Backend
from tidegate_traffic_shifter.header_changes import REQUEST, changed, joined
from tidegate_traffic_shifter.seen import Rule
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.worded_rules import WordedRules


def render(rules: WordedRules, original: list[Rule], namespace: str, share: Share) -> list[Rule]:
    """The user's rules with the marks in each that sends to the Service; nothing of ours where nobody is marked."""
    headers = share.headers
    if share.is_empty or headers is None:
        return original
    if not share.matches:
        marking = replace(share, request_headers=headers, mirror_percent=0)
        return [rules.shared(rule, namespace, marking) for rule in original]
    holding = [rule for rule in original if rules.holds([rule], namespace, share.service)]
    fronts = [front for rule in holding for front in rules.in_front(rule, share.matches)]
    return [changed(front, headers) for front in fronts] + original


def recover(rules: WordedRules, edited: list[Rule], original: list[Rule], namespace: str, share: Share) -> list[Rule]:
    """The user's rules as their edit means them: what carries our change of headers taken out."""
    headers = share.headers or HeaderChange()
    rendered = render(rules, original, namespace, share)
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
            recovered.append(_unmarked(rules, rule, pairs, headers))
    return recovered


def _last(rendered: list[Rule], original: list[Rule]) -> list[Rule]:
    """What became of each of the user's rules."""
    return rendered[len(rendered) - len(original) :]


def _carries(part: Mapping[str, Any], headers: HeaderChange) -> bool:
    """Whether our change is in the filters of a rule or a backend."""
    wanted = joined({}, headers)
    for each in part.get("filters") or []:
        own: Mapping[str, Any] = each.get(REQUEST.field) or {}
        if each.get("type") == REQUEST.type and all(
            entry in (own.get(what) or []) for what, entries in wanted.items() for entry in entries
        ):
            return True
    return False


def _unmarked(rules: WordedRules, rule: Rule, pairs: list[tuple[Rule, Rule]], headers: HeaderChange) -> Rule:
    """Without our backends, and with the user's own numbers unless they are what was edited."""
    merged = _merged(rules.backends(rule), headers)
    if len(merged) == len(rules.backends(rule)):
        return rule
    alike = [own for own, mine in pairs if _merged(rules.backends(mine), headers) == merged]
    same = [own for own in alike if own.get("matches") == rule.get("matches")]
    own = next(iter(same or alike), None)
    return rules.with_backends(rule, rules.backends(own) if own is not None else merged)


def _merged(backends: list[Backend], headers: HeaderChange) -> list[Backend]:
    """The backends but for ours, whose share goes to the ones before them."""
    kept: list[Backend] = []
    for each in backends:
        if not (kept and _carries(each, headers)):
            kept.append(each)
        else:
            kept[-1] = kept[-1] | {"weight": int(kept[-1].get("weight", 1)) + int(each.get("weight", 1))}
    return kept
