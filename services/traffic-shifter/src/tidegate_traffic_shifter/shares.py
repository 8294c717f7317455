"""A Gateway API route's rules with the new version's share in them, and back. Pure.

`render` makes the wanted rules of the user's own, always from the original, so that a share is absolute. `recover`
finds the original again in rules that somebody has edited while the share was in them. Used by `rendering`.
"""

from collections.abc import Callable
from typing import Any, Final

from tidegate_traffic_shifter.header_changes import with_change
from tidegate_traffic_shifter.matches import Narrow, narrowed
from tidegate_traffic_shifter.mirrors import mirrored, unmirrored
from tidegate_traffic_shifter.seen import Rule
from tidegate_traffic_shifter.share import Share

WEIGHT_MAX: Final = 1_000_000
"""What a Gateway API weight may be."""
PARTS: Final = 100

Reference = dict[str, Any]


def holds(rules: list[Rule], namespace: str, service: str) -> bool:
    """Whether any rule sends requests to the Service."""
    return any(_names(reference, namespace, service) for rule in rules for reference in references_of(rule))


def render(original: list[Rule], namespace: str, share: Share, narrow: Narrow) -> list[Rule]:
    """The user's rules with the share in each that sends to the stable Service, the matches' rules in front."""
    holding = [rule for rule in original if holds([rule], namespace, share.service)]
    fronts = [_matched(rule, namespace, share, narrow) for rule in holding] if share.matches else []
    shared = [mirrored(_shared(rule, namespace, share), share) if rule in holding else rule for rule in original]
    return [front for front in fronts if front is not None] + shared


def recover(edited: list[Rule], original: list[Rule], namespace: str, share: Share) -> list[Rule]:
    """The user's rules as their edit means them: our parts taken out, everything else kept."""
    recovered = []
    for rule in (unmirrored(each, share) for each in edited):
        references = references_of(rule)
        own = [each for each in references if not _names(each, namespace, share.canary_service)]
        if len(own) == len(references):
            recovered.append(rule)
        elif own:
            recovered.append(_unshared(rule, original, namespace, share))
    return recovered


def _matched(rule: Rule, namespace: str, share: Share, narrow: Narrow) -> Rule | None:
    """The same rule for the matched requests only, and to the new version only; None where nothing can match."""
    front = in_front(rule, share, narrow)
    if front is None:
        return None
    stable = [each for each in references_of(rule) if _names(each, namespace, share.service)]
    canary = [each | {"name": share.canary_service, "weight": 1} for each in stable]
    if share.request_headers is not None:
        front["filters"] = with_change(rule.get("filters") or [], share.request_headers)
    return front | {"backendRefs": canary}


def in_front(rule: Rule, share: Share, narrow: Narrow) -> Rule | None:
    """The same rule for the matched requests only; None where nothing can match."""
    found = narrowed(rule.get("matches"), share.matches, narrow)
    if not found:
        return None
    # A name would not be unique any more.
    return {name: part for name, part in rule.items() if name != "name"} | {"matches": found}


def _shared(rule: Rule, namespace: str, share: Share) -> Rule:
    return divided(rule, namespace, share, lambda reference: _canary(reference, share))


def divided(rule: Rule, namespace: str, share: Share, new: Callable[[Reference], Reference]) -> Rule:
    """The rule with a second backend, as `new` makes it, behind each that is the stable Service."""
    references = references_of(rule)
    if not any(_names(reference, namespace, share.service) for reference in references):
        return rule
    weights = _in_parts([_weight(each) for each in references])
    shared: list[Reference] = []
    for reference, weight in zip(references, weights, strict=True):
        if not _names(reference, namespace, share.service):
            shared.append(reference | {"weight": weight})
            continue
        canary = weight * share.weight_percent // PARTS
        shared.append(reference | {"weight": weight - canary})
        shared.append(new(reference) | {"weight": canary})
    return rule | {"backendRefs": shared}


def _canary(reference: Reference, share: Share) -> Reference:
    """The same backend for the new version; a change of headers is the backend's, so that no other request has it."""
    canary = reference | {"name": share.canary_service}
    if share.request_headers is None:
        return canary
    return canary | {"filters": with_change(reference.get("filters") or [], share.request_headers)}


def _in_parts(weights: list[int]) -> list[int]:
    """The same proportions in numbers that can be divided by a hundred; a single backend simply becomes 100."""
    if len(weights) == 1:
        return [PARTS if weights[0] else 0]
    largest = max(weights)
    if largest * PARTS <= WEIGHT_MAX:
        return [weight * PARTS for weight in weights]
    return [weight * (WEIGHT_MAX // PARTS) // largest * PARTS for weight in weights]


def _unshared(rule: Rule, original: list[Rule], namespace: str, share: Share) -> Rule:
    """Our share taken out of one rule, and the user's own numbers put back unless they are what was edited."""
    merged: list[Reference] = []
    for reference in references_of(rule):
        if not _names(reference, namespace, share.canary_service):
            merged.append(reference)
        elif merged:
            merged[-1] = merged[-1] | {"weight": _weight(merged[-1]) + _weight(reference)}
    before = _counterpart(rule, original, namespace, share)
    if before is None:
        return rule | {"backendRefs": [each | {"weight": 1} for each in merged] if len(merged) == 1 else merged}
    own = {_identity(each): each for each in references_of(before)}
    parts = dict(zip(own, _in_parts([_weight(each) for each in references_of(before)]), strict=False))
    untouched = all(parts.get(_identity(each)) == _weight(each) for each in merged)
    if untouched:
        merged = [each | _weight_of(own[_identity(each)]) for each in merged]
    return rule | {"backendRefs": merged}


def _counterpart(rule: Rule, original: list[Rule], namespace: str, share: Share) -> Rule | None:
    """The user's rule that an edited one came from: with the same backends, if possible with the same matches."""
    backends = {_identity(each) for each in references_of(rule) if not _names(each, namespace, share.canary_service)}
    alike = [each for each in original if {_identity(found) for found in references_of(each)} == backends]
    same = [each for each in alike if each.get("matches") == rule.get("matches")]
    return next(iter(same or alike), None)


def references_of(rule: Rule) -> list[Reference]:
    found: list[Reference] = rule.get("backendRefs") or []
    return found


def _names(reference: Reference, namespace: str, service: str) -> bool:
    return (
        reference.get("name") == service
        and reference.get("kind", "Service") == "Service"
        and not reference.get("group")
        and reference.get("namespace", namespace) == namespace
    )


def _weight(reference: Reference) -> int:
    return int(reference.get("weight", 1))


def _weight_of(reference: Reference) -> dict[str, int]:
    return {"weight": reference["weight"]} if "weight" in reference else {}


def _identity(reference: Reference) -> tuple[object, ...]:
    return tuple(reference.get(name) for name in ("group", "kind", "namespace", "name", "port"))
