"""The part of kubectl's JSONPath that Argo's web provider is used with: one path in braces. Pure; called by `web`.

    {$.data.ok}  {.items[0].value}  {.items[-1]}  {.items[1:3]}  {.items[*].value}  {$['a.b']}  {..value}
    {.items[?(@.name=="web")].value}

Text outside the braces, several paths, unions, functions and `range` are refused when the check is read.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import msgspec

from tidegate_metrics_analyzer.question import Raw

RESULTS_MAX: Final = 10_000
STEPS_MAX: Final = 32

_STEP: Final = re.compile(
    r"""\.\.(?P<deep>[\w-]+|\*)|\.(?P<name>[\w-]+|\*)|\[(?P<quoted>'[^']*'|"[^"]*")\]|\[(?P<every>\*)\]"""
    r"""|\[(?P<index>-?\d{1,9})\]|\[(?P<slice>(?:-?\d{1,9})?:(?:-?\d{1,9})?)\]|\[\?\((?P<filter>[^()]*)\)\]""",
    re.ASCII,
)
_FILTER: Final = re.compile(
    r"""@(?P<path>(?:\.[\w-]+)+)(?:\s*(?P<sign>==|!=|<=|>=|<|>)\s*(?P<literal>.+?))?\s*""", re.ASCII
)
_COMPARE: Final[dict[str, Callable[[int], bool]]] = {
    "==": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


class _Step(NamedTuple):
    kind: str
    text: str


class Path(NamedTuple):
    steps: tuple[_Step, ...]

    def first(self, value: Raw) -> tuple[Raw] | None:
        """The first of what the path leads to; None where that is nothing."""
        values: list[Raw] = [value]
        for step in self.steps:
            values = _taken(values, step)
        return (values[0],) if values else None


def parse(text: str) -> Path:
    """The path.

    Raises:
        ValueError: it is none, or holds more than we serve.
    """
    inner = text.strip()
    if not (inner.startswith("{") and inner.endswith("}")):
        raise ValueError("a JSONPath stands in braces, as {$.data.ok}")
    inner = inner[1:-1].strip().removeprefix("$").removeprefix("@")
    if inner and not inner.startswith((".", "[")):
        inner = f".{inner}"
    steps = []
    while inner and inner != ".":
        found = _STEP.match(inner)
        if found is None:
            raise ValueError(f"the JSONPath is not understood from {inner[:40]!r} on")
        step = _Step(found.lastgroup or "", found.group(found.lastgroup or 0))
        if step.kind == "filter":
            _filter(step.text)
        steps.append(step)
        inner = inner[found.end() :]
    if len(steps) > STEPS_MAX:
        raise ValueError(f"the JSONPath has more than {STEPS_MAX} steps")
    return Path(tuple(steps))


def _taken(values: list[Raw], step: _Step) -> list[Raw]:
    taken: list[Raw] = []
    for value in values:
        for one in _below(value, step):
            taken.append(one)
            if len(taken) >= RESULTS_MAX:
                return taken
    return taken


def _below(value: Raw, step: _Step) -> Iterator[Raw]:
    kind, text = step
    if kind in ("name", "quoted") and text != "*":
        name = text[1:-1] if kind == "quoted" else text
        if isinstance(value, dict) and name in value:
            yield value[name]
    elif kind == "deep":
        yield from _deep(value, text)
    elif kind in ("name", "every"):
        yield from _children(value)
    elif isinstance(value, list):
        yield from _of_list(value, kind, text)


def _of_list(value: list[Raw], kind: str, text: str) -> Iterator[Raw]:
    if kind == "index":
        yield from value[int(text) :][:1] if -len(value) <= int(text) < len(value) else ()
    elif kind == "slice":
        first, last = (int(part) if part else None for part in text.split(":"))
        yield from value[first:last]
    elif kind == "filter":
        path, sign, literal = _filter(text)
        yield from (one for one in value if _matches(one, path, sign, literal))


def _children(value: Raw) -> Iterator[Raw]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _deep(value: Raw, name: str) -> Iterator[Raw]:
    """Whatever has that name, however far below; without recursion, for the nesting is the server's."""
    pending: list[Raw] = [value]
    while pending:
        one = pending.pop()
        if name == "*":
            yield from _children(one)
        elif isinstance(one, dict) and name in one:
            yield one[name]
        pending.extend(reversed(list(_children(one))))


def _filter(text: str) -> tuple[tuple[str, ...], str, Raw]:
    found = _FILTER.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"the JSONPath filter {text[:40]!r} is not understood")
    literal = found["literal"]
    if literal is not None and literal.startswith("'") and literal.endswith("'"):
        literal = f'"{literal[1:-1]}"'
    try:
        value = None if literal is None else msgspec.json.decode(literal)
    except msgspec.DecodeError:
        raise ValueError(f"the JSONPath filter {text[:40]!r} compares with no literal") from None
    return tuple(found["path"].split(".")[1:]), found["sign"] or "", value


def _matches(value: Raw, path: tuple[str, ...], sign: str, literal: Raw) -> bool:
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    if not sign:
        return True
    if isinstance(value, bool) or isinstance(literal, bool):
        return isinstance(value, bool) and isinstance(literal, bool) and _COMPARE[sign](value - literal)
    if isinstance(value, str) and isinstance(literal, str):
        return _COMPARE[sign]((value > literal) - (value < literal))
    if isinstance(value, int | float) and isinstance(literal, int | float):
        return _COMPARE[sign]((value > literal) - (value < literal))
    return False
