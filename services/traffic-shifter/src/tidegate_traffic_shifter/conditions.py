"""A Contour HTTPProxy route's own conditions narrowed by an order's match. Pure. For `routers.contour_http_proxy`.

A route's conditions must all hold, so that each match becomes routes of its own. Contour compares a prefix letter by
letter (`paths`). It tries longer paths and more conditions first, so the narrowed route wins over the one that it came
from.
"""

from collections.abc import Mapping
from typing import Any, Final

from tidegate_contracts.rollout import HttpMatch
from tidegate_traffic_shifter import paths
from tidegate_traffic_shifter.paths import Path

Conditions = list[dict[str, Any]]
PATHS: Final = ("prefix", "exact", "regex")
HEADER: Final = "header"
QUERY: Final = "queryParameter"


def narrowed(own: Conditions, wanted: HttpMatch) -> list[Conditions]:
    """Every list of conditions that together say both; none where both can't hold."""
    others: Conditions | None = [rest for each in own if (rest := _without_path(each))]
    for part, exact, patterns in (
        (HEADER, wanted.headers, wanted.headers_regex),
        (QUERY, wanted.query, wanted.query_regex),
    ):
        others = _named(others, part, exact, patterns) if others is not None else None
    if others is None:
        return []
    # Contour takes an exact path that isn't the last condition for a prefix.
    return [[*others, *([{path[0]: path[1]}] if path else [])] for path in paths.both(_path(own), wanted)]


def _without_path(condition: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in condition.items() if name not in PATHS}


def _path(own: Conditions) -> Path | None:
    return next(((kind, each[kind]) for each in own for kind in PATHS if each.get(kind)), None)


def _named(others: Conditions, part: str, exact: Mapping[str, str], patterns: Mapping[str, str]) -> Conditions | None:
    """The conditions with those on names added; None where they contradict."""
    found = list(others)
    for kind, pairs in (("exact", exact), ("regex", patterns)):
        for name, value in pairs.items():
            wanted = {"name": name, kind: value}
            same = [each[part] for each in others if part in each and each[part]["name"].lower() == name.lower()]
            if any(_contradict(each, wanted) for each in same):
                return None
            if wanted not in same:
                found.append({part: wanted})
    return found


def _contradict(own: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Contour takes one exact value for a name, and none that is excluded by another condition."""
    value = wanted.get("exact")
    if value is None:
        return False
    return own.get("exact", value) != value or own.get("notexact") == value or bool(own.get("notpresent"))
