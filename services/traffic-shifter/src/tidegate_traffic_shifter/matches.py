"""Which requests go to the new version by what they carry: a rule's own matches narrowed by the order's; pure.

`shares` puts the narrowed matches into a rule in front. A Gateway matches by specificity, not by order: the narrowed
match has the same path and more headers or parameters, or a longer path, so it wins over the rule that it came from.
"""

from collections.abc import Mapping
from typing import Any

from tidegate_contracts.rollout import HttpMatch

Match = dict[str, Any]
EVERYTHING: Match = {"path": {"type": "PathPrefix", "value": "/"}}


def narrowed(own: list[Match] | None, wanted: tuple[HttpMatch, ...]) -> list[Match]:
    """Every one of the rule's own matches with every wanted one; what can't both be true is left out."""
    combined = [_both(match, each) for each in wanted for match in own or [EVERYTHING]]
    return [match for match in combined if match is not None]


def _both(own: Match, wanted: HttpMatch) -> Match | None:
    path = _path(own.get("path") or EVERYTHING["path"], wanted.path_prefix)
    headers = _named(own.get("headers") or [], wanted.headers, ignore_case=True)
    parameters = _named(own.get("queryParams") or [], wanted.query, ignore_case=False)
    if path is None or headers is None or parameters is None:
        return None
    parts = {"path": path, "headers": headers, "queryParams": parameters}
    kept = {name: part for name, part in own.items() if name not in parts}
    return kept | {name: part for name, part in parts.items() if part}


def _path(own: dict[str, str], prefix: str | None) -> dict[str, str] | None:
    """The narrower of two paths; None where no path is in both, or a pattern's answer can't be known."""
    if prefix is None:
        return own
    value = own.get("value", "/")
    match own.get("type", "PathPrefix"):
        case "PathPrefix" if _is_below(prefix, value):
            return {"type": "PathPrefix", "value": prefix}
        case "PathPrefix" | "Exact" if _is_below(value, prefix):
            return own
        case _:
            return None


def _is_below(path: str, prefix: str) -> bool:
    """As a Gateway compares: by whole path elements, a slash at the end ignored."""
    trimmed = prefix.rstrip("/")
    return path.rstrip("/") == trimmed or path.startswith(trimmed + "/")


def _named(own: list[dict[str, str]], wanted: Mapping[str, str], *, ignore_case: bool) -> list[dict[str, str]] | None:
    """Both lists' conditions; None where they contradict or where one name would need two conditions."""
    merged = list(own)
    for name, value in wanted.items():
        same = [each for each in own if _same_name(each["name"], name, ignore_case=ignore_case)]
        if not same:
            merged.append({"name": name, "type": "Exact", "value": value})
        elif any(each.get("type", "Exact") != "Exact" or each["value"] != value for each in same):
            return None
    return merged


def _same_name(one: str, other: str, *, ignore_case: bool) -> bool:
    return one.lower() == other.lower() if ignore_case else one == other
