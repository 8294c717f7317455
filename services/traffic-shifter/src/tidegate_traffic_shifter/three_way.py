"""An object that was changed by two, put together again: what a script made of it, and what a person did to that. Pure.

`scripting` asks it for the user's own part out of an edited object: the edit, made of what the user had before. Where
both changed the same thing it can't be known what the user means; those places are told.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

Json = Any
MISSING: Final = object()
"""What isn't there, as against a null."""


class Merged(NamedTuple):
    """The user's own part, and the places in it where an edit was left out since it could mean anything."""

    part: Json
    conflicts: tuple[str, ...] = ()


class _Change(NamedTuple):
    """A stretch of a list, and what stands there instead."""

    first: int
    behind: int
    items: list[Json]


def merge(original: Json, made: Json, edited: Json) -> Merged:
    """Args:
    original: What the user had.
    made: What became of it, ours.
    edited: What somebody has made of that.
    """
    conflicts: list[str] = []
    return Merged(_merge(original, made, edited, "", conflicts), tuple(conflicts))


def merge_patch(found: Json, wanted: Json) -> dict[str, Json]:
    """The JSON merge patch that makes one object of another."""
    patch: dict[str, Json] = dict.fromkeys(name for name in found if name not in wanted)
    for name, value in wanted.items():
        before = found.get(name, MISSING)
        if isinstance(before, dict) and isinstance(value, dict):
            if inner := merge_patch(before, value):
                patch[name] = inner
        elif not _same(before, value):
            patch[name] = value
    return patch


def _merge(original: Json, made: Json, edited: Json, at: str, conflicts: list[str]) -> Json:
    if _same(made, edited):
        return original
    if _same(original, made) or _same(original, edited):
        return edited
    if isinstance(original, dict) and isinstance(made, dict) and isinstance(edited, dict):
        return dict(_members(original, made, edited, at, conflicts))
    if isinstance(original, list) and isinstance(made, list) and isinstance(edited, list):
        found = _lists(original, made, edited, at, conflicts)
        if found is not None:
            return found
    conflicts.append(at)
    return original


def _members(
    original: dict[str, Json], made: dict[str, Json], edited: dict[str, Json], at: str, conflicts: list[str]
) -> Iterator[tuple[str, Json]]:
    for name in dict.fromkeys((*original, *made, *edited)):
        before, mine, theirs = (each.get(name, MISSING) for each in (original, made, edited))
        value = _merge(before, mine, theirs, f"{at}.{name}" if at else name, conflicts)
        if value is not MISSING:
            yield name, value


def _lists(
    original: list[Json], made: list[Json], edited: list[Json], at: str, conflicts: list[str]
) -> list[Json] | None:
    """Two changes of different stretches, or element by element where none came or went; None where neither is so."""
    if len(original) == len(made) == len(edited):
        sides = enumerate(zip(original, made, edited, strict=True))
        return [_merge(before, mine, theirs, f"{at}[{index}]", conflicts) for index, (before, mine, theirs) in sides]
    ours, theirs = _change(original, made), _change(made, edited)
    grown = len(made) - len(original)
    if theirs.behind <= ours.first:
        return [*original[: theirs.first], *theirs.items, *original[theirs.behind :]]
    if theirs.first >= ours.first + len(ours.items):
        return [*original[: theirs.first - grown], *theirs.items, *original[theirs.behind - grown :]]
    return None


def _change(before: list[Json], after: list[Json]) -> _Change:
    """What lies between the elements that both begin with and those that both end with."""
    shorter = min(len(before), len(after))
    first = next((index for index in range(shorter) if not _same(before[index], after[index])), shorter)
    most = shorter - first
    alike = next((count for count in range(most) if not _same(before[-1 - count], after[-1 - count])), most)
    return _Change(first, len(before) - alike, after[first : len(after) - alike])


def _same(one: Json, other: Json) -> bool:
    """As JSON has it: true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one is other or (isinstance(one, bool) == isinstance(other, bool) and bool(one == other))
