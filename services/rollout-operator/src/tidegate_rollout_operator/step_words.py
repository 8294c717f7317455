"""What of a step an Ingress' class has places for. Pure; called by `step_traffic`, and for what is left out by `texts`.

Kruise's scripts for these classes pass over the rest in silence: of a match they take the first header (MSE: and the
first query parameter), of several matches the last one for each place, and nginx, Higress and ALB change no headers. So
does this, for whoever switches from there; but what is passed over is told. Where a router beside them has words for
more, nothing is left out, and the rules of requests speak.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from tidegate_contracts.routers import BUILT_IN, COOKIE
from tidegate_rollout_operator.kruise import HttpRouteMatch, Match, Rollout, StepBlock
from tidegate_rollout_operator.routing import references

_HEADER: Final = "headers"
_QUERY: Final = "queryParams"


class Heard(NamedTuple):
    step: StepBlock
    left_out: tuple[str, ...]
    """Fields of it that the class has no place for."""


class _Place(NamedTuple):
    """What a place is taken by, and where that stands."""

    match: HttpRouteMatch
    at: str


def heard(step: StepBlock, routers: AbstractSet[str]) -> Heard:
    if not routers or not all(router in BUILT_IN and BUILT_IN[router].slots for router in routers):
        return Heard(step, ())
    queries = all("query" in BUILT_IN[router].match_parts for router in routers)
    changes = all("set" in BUILT_IN[router].header_changes for router in routers)
    given = tuple(_conditions(step, queries=queries))
    places = {_place(at, condition): _Place(_alone(at, condition), at) for at, condition in given}
    modifier, unchanged = _modifier(step.request_header_modifier, changes=changes)
    kept = {place.at for place in places.values()}
    missing = [at for at in _fields(step) if at not in kept]
    return Heard(
        replace(step, matches=tuple(place.match for place in places.values()), request_header_modifier=modifier),
        (*missing, *unchanged),
    )


def left_out(rollout: Rollout) -> tuple[str, ...]:
    """The fields of all its steps that count for nothing."""
    style = rollout.style
    if style is None:
        return ()
    routers = {reference.router for _, reference in references(style)}
    return tuple(
        f"{rollout.style_path}.steps[{index}].{field}"
        for index, step in enumerate(style.steps)
        for field in heard(step, routers).left_out
    )


def _conditions(step: StepBlock, *, queries: bool) -> Iterator[tuple[str, Match]]:
    for index, match in enumerate(step.matches):
        if match.headers:
            yield f"matches[{index}].{_HEADER}[0]", match.headers[0]
        if match.query_params and queries:
            yield f"matches[{index}].{_QUERY}[0]", match.query_params[0]


def _place(at: str, condition: Match) -> str:
    if _QUERY in at:
        return _QUERY
    return COOKIE if condition.name == COOKIE else _HEADER


def _alone(at: str, condition: Match) -> HttpRouteMatch:
    if _QUERY in at:
        return HttpRouteMatch(query_params=(condition,))
    exact = replace(condition, type="") if condition.name == COOKIE else condition
    return HttpRouteMatch(headers=(exact,))


def _fields(step: StepBlock) -> Iterator[str]:
    """Everything that matches say."""
    for index, match in enumerate(step.matches):
        yield from (f"matches[{index}].{_HEADER}[{number}]" for number in range(len(match.headers)))
        yield from (f"matches[{index}].{_QUERY}[{number}]" for number in range(len(match.query_params)))
        if match.path is not None:
            yield f"matches[{index}].path"


def _modifier(given: dict[str, Any] | None, *, changes: bool) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """MSE sets one header: Kruise's script runs several together into one, which nobody can have meant."""
    if given is None or not any(given.values()):
        return given, ()
    if not changes or not given.get("set"):
        return None, ("requestHeaderModifier",)
    beyond = [f"set[{number}]" for number in range(1, len(given["set"]))]
    beyond += [part for part in ("add", "remove") if given.get(part)]
    return {"set": given["set"][:1]}, tuple(f"requestHeaderModifier.{field}" for field in beyond)
