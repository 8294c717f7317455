"""Which requests go to the new version by what they carry: a rule's own matches narrowed by the order's. Pure.

`gateway_rules` puts the narrowed matches into a rule in front. A Gateway matches by specificity, not by order: the
narrowed match has the same path and more headers or parameters, or a narrower path, so it wins over the rule that it
came from.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tidegate_contracts.rollout import HttpMatch
from tidegate_traffic_shifter import paths

Match = dict[str, Any]
Narrow = Callable[[Match, HttpMatch], Match | None]
"""One of a rule's own matches with a wanted one; None where both can't be true."""

ROOT: Final = {"type": "PathPrefix", "value": "/"}
PATTERN: Final = "RegularExpression"
MOVERS: Final = ("urlRewrite", "requestRedirect")
"""Filters, by their fields, that may put something in place of a prefix."""


def narrowed(own: list[Match] | None, wanted: tuple[HttpMatch, ...], narrow: Narrow) -> list[Match]:
    """Every one of the rule's own matches with every wanted one; what can't both be true is left out."""
    combined = [narrow(match, each) for each in wanted for match in own or [{}]]
    return [match for match in combined if match is not None]


def moves_prefix(filters: Iterable[Mapping[str, Any]]) -> bool:
    """Whether what replaces a prefix depends on which prefix was matched: then none may be narrowed."""
    parts = [each.get(mover) or {} for each in filters for mover in MOVERS]
    return any("replacePrefixMatch" in (part.get("path") or {}) for part in parts)


def of_any_path(wanted: tuple[HttpMatch, ...]) -> tuple[HttpMatch, ...]:
    """Those that narrow no path."""
    return tuple(each for each in wanted if not paths.has_path(each))


def http(own: Match, wanted: HttpMatch) -> Match | None:
    """As an HTTPRoute says it."""
    path = _path(own.get("path") or ROOT, wanted)
    headers = _named(own.get("headers"), wanted.headers, wanted.headers_regex, ignore_case=True)
    parameters = _named(own.get("queryParams"), wanted.query, wanted.query_regex, ignore_case=False)
    if path is None or headers is None or parameters is None:
        return None
    return _with(own, {"path": path, "headers": headers, "queryParams": parameters})


def grpc(own: Match, wanted: HttpMatch) -> Match | None:
    """As a GRPCRoute says it."""
    method = _method(own.get("method") or {}, wanted)
    headers = _named(own.get("headers"), wanted.headers, wanted.headers_regex, ignore_case=True)
    if method is None or headers is None:
        return None
    return _with(own, {"method": method, "headers": headers})


def _with(own: Match, parts: Match) -> Match:
    kept = {name: part for name, part in own.items() if name not in parts}
    return kept | {name: part for name, part in parts.items() if part}


def _path(own: dict[str, str], wanted: HttpMatch) -> dict[str, str] | None:
    """The narrower of two paths; None where no path is in both, or a pattern's answer can't be known."""
    if wanted.path_exact is not None:
        return _meet(own, {"type": "Exact", "value": wanted.path_exact})
    if wanted.path_regex is not None:
        return _meet(own, {"type": PATTERN, "value": wanted.path_regex})
    if wanted.path_prefix is not None:
        return _meet(own, {"type": "PathPrefix", "value": wanted.path_prefix})
    return own


def _meet(own: dict[str, str], wanted: dict[str, str]) -> dict[str, str] | None:
    kind, value = own.get("type", "PathPrefix"), own.get("value", "/")
    if (kind, value) == (wanted["type"], wanted["value"]):
        return own
    match kind, wanted["type"]:
        case "PathPrefix", _ if value == "/":
            return wanted
        case "PathPrefix", "PathPrefix" | "Exact" if _is_below(wanted["value"], value):
            return wanted
        case "PathPrefix" | "Exact", "PathPrefix" if _is_below(value, wanted["value"]):
            return own
        case _:
            return None


def _is_below(path: str, prefix: str) -> bool:
    """As a Gateway compares: by whole path elements, a slash at the end ignored."""
    trimmed = prefix.rstrip("/")
    return path.rstrip("/") == trimmed or path.startswith(trimmed + "/")


def _method(own: dict[str, str], wanted: HttpMatch) -> dict[str, str] | None:
    """Both calls; None where they are different ones, or the user's own is a pattern."""
    if wanted.grpc is None:
        return own
    parts = {"service": wanted.grpc.service, "method": wanted.grpc.method}
    given = {name: value for name, value in parts.items() if value is not None}
    if not own:
        return {"type": "Exact"} | given
    if own.get("type", "Exact") != "Exact" or any(own.get(name, value) != value for name, value in given.items()):
        return None
    return own | given


def _named(
    own: list[dict[str, str]] | None, exact: Mapping[str, str], patterns: Mapping[str, str], *, ignore_case: bool
) -> list[dict[str, str]] | None:
    """Both lists' conditions; None where they contradict or where one name would need two conditions."""
    merged = list(own or [])
    wanted = [("Exact", name, value) for name, value in exact.items()]
    for kind, name, value in [*wanted, *((PATTERN, name, value) for name, value in patterns.items())]:
        same = [each for each in own or [] if _same_name(each["name"], name, ignore_case=ignore_case)]
        if not same:
            merged.append({"name": name, "type": kind, "value": value})
        elif any(each.get("type", "Exact") != kind or each["value"] != value for each in same):
            return None
    return merged


def _same_name(one: str, other: str, *, ignore_case: bool) -> bool:
    return one.lower() == other.lower() if ignore_case else one == other
