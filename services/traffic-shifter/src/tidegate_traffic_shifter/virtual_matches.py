"""An Istio http route's own matches narrowed by an order's. Pure. Called by `routers.istio_virtual_service`.

Any one of a route's matches is enough, and all in one must hold. The first route that matches wins, so that a narrowed
one stands before the one that it was made of.
"""

from collections.abc import Mapping
from typing import Any, Final

from tidegate_contracts.rollout import HttpMatch
from tidegate_traffic_shifter import paths
from tidegate_traffic_shifter.paths import Path

Match = dict[str, Any]
KINDS: Final = ("exact", "prefix", "regex")


def narrowed(own: list[Match] | None, wanted: tuple[HttpMatch, ...]) -> list[Match]:
    """Every one of the route's own matches with every wanted one; what can't both be true is left out."""
    return [found for each in wanted for match in own or [{}] for found in _both(match, each)]


def _both(own: Match, wanted: HttpMatch) -> list[Match]:
    # Istio takes headers' names in small letters only.
    names = ({name.lower(): value for name, value in each.items()} for each in (wanted.headers, wanted.headers_regex))
    headers = _named(own.get("headers"), *names)
    parameters = _named(own.get("queryParams"), wanted.query, wanted.query_regex)
    if headers is None or parameters is None:
        return []
    # A name would not be unique any more.
    kept = {name: value for name, value in own.items() if name not in ("name", "uri", "headers", "queryParams")}
    named = {name: value for name, value in (("headers", headers), ("queryParams", parameters)) if value}
    return [kept | ({"uri": {path[0]: path[1]}} if path else {}) | named for path in paths.both(_path(own), wanted)]


def _path(own: Match) -> Path | None:
    uri = own.get("uri") or {}
    return next(((kind, uri[kind]) for kind in KINDS if kind in uri), None)


def _named(
    own: Mapping[str, Match] | None, exact: Mapping[str, str], patterns: Mapping[str, str]
) -> dict[str, Match] | None:
    """Both conditions on each name; None where one name would need two."""
    found = dict(own or {})
    for kind, pairs in (("exact", exact), ("regex", patterns)):
        for name, value in pairs.items():
            wanted = {kind: value}
            # An empty condition only asks that there is one.
            if found.get(name) and found[name] != wanted:
                return None
            found[name] = wanted
    return found
