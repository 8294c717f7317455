"""What is wrong with a step's matches and with its change of headers. Called by `validate_steps`. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tidegate_contracts import limits, names
from tidegate_contracts.problem import Problem, printable, problem
from tidegate_contracts.rollout import GrpcMethod, HeaderChange, HttpMatch
from tidegate_contracts.routers import PARTS

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+", re.ASCII)
_GRPC_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_PATHS: Final = ("path_prefix", "path_exact", "path_regex")


def match_problems(field: str, matches: tuple[HttpMatch, ...]) -> Iterator[Problem]:
    if len(matches) > limits.MATCHES_MAX:
        yield problem(field, len(matches), f"at most {limits.MATCHES_MAX}", "Give fewer.")
    for index, match in enumerate(matches):
        yield from _match(f"{field}[{index}]", match)


def header_problems(field: str, change: HeaderChange) -> Iterator[Problem]:
    if not change.set and not change.add and not change.remove:
        yield problem(field, "{}", "a header to set, to add or to remove", "Say what to change, or leave it out.")
    yield from _pairs(f"{field}.set", change.set)
    yield from _pairs(f"{field}.add", change.add)
    yield from _pairs(f"{field}.remove", dict.fromkeys(change.remove, "-"))
    seen: set[str] = set()
    for name in (*change.set, *change.add, *change.remove):
        if name.lower() in seen:
            yield problem(field, name, "one change for each header", "Leave one of them.")
        seen.add(name.lower())


def _match(at: str, match: HttpMatch) -> Iterator[Problem]:
    if not any(getattr(match, part) is not None and getattr(match, part) != {} for part in PARTS):
        yield problem(at, "{}", "a header, a query or a path", "Say what to match.")
    yield from _conditions(at, "headers", match.headers, match.headers_regex, ignore_case=True)
    yield from _conditions(at, "query", match.query, match.query_regex, ignore_case=False)
    given = [part for part in _PATHS if getattr(match, part) is not None]
    if len(given) > 1:
        yield problem(at, ", ".join(given), "one path", "Leave one of them.")
    for part in given:
        if not _is_path(getattr(match, part)):
            rule = f"a path of at most {limits.PATH_LENGTH_MAX} visible ASCII characters, starting with /"
            yield problem(f"{at}.{part}", getattr(match, part), rule, "Give a path such as /api.")
    if match.grpc is not None:
        yield from _grpc(f"{at}.grpc", match.grpc)


def _conditions(
    at: str, part: str, exact: Mapping[str, str], patterns: Mapping[str, str], *, ignore_case: bool
) -> Iterator[Problem]:
    yield from _pairs(f"{at}.{part}", exact)
    yield from _pairs(f"{at}.{part}_regex", patterns)
    if len(exact) + len(patterns) > limits.MATCH_PARTS_MAX >= max(len(exact), len(patterns)):
        yield problem(f"{at}.{part}", len(exact) + len(patterns), f"at most {limits.MATCH_PARTS_MAX}", "Match fewer.")
    seen: set[str] = set()
    for name in (*exact, *patterns):
        known = name.lower() if ignore_case else name
        if known in seen:
            yield problem(f"{at}.{part}", name, "one condition for each name", "Leave one of them.")
        seen.add(known)


def _grpc(at: str, method: GrpcMethod) -> Iterator[Problem]:
    if method.service is None and method.method is None:
        yield problem(at, "{}", "a service, a method or both", "Say which calls to match.")
    for part, value in (("service", method.service), ("method", method.method)):
        if value is not None and (len(value) > limits.PATH_LENGTH_MAX or _GRPC_NAME.fullmatch(value) is None):
            yield problem(f"{at}.{part}", value, "a name such as shop.Orders", "Give the name as it is called.")


def _pairs(field: str, pairs: Mapping[str, str]) -> Iterator[Problem]:
    if len(pairs) > limits.MATCH_PARTS_MAX:
        yield problem(field, len(pairs), f"at most {limits.MATCH_PARTS_MAX}", "Match fewer.")
    for name, value in pairs.items():
        at = f"{field}.{printable(name)}"
        if len(name) > limits.HEADER_NAME_LENGTH_MAX or _HEADER_NAME.fullmatch(name) is None:
            rule = f"a name of 1 to {limits.HEADER_NAME_LENGTH_MAX} letters, digits and -._~ and the like"
            yield problem(at, name, rule, "Give the name as it is sent.")
        if not 1 <= len(value) <= limits.HEADER_VALUE_LENGTH_MAX or not value.isprintable():
            rule = f"1 to {limits.HEADER_VALUE_LENGTH_MAX} printable characters"
            yield problem(at, value, rule, "Give the value as it is sent.")


def _is_path(path: str) -> bool:
    return path.startswith("/") and len(path) <= limits.PATH_LENGTH_MAX and names.is_visible(path)
