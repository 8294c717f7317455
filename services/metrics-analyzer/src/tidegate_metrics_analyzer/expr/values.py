"""The values that an expression works on, typed as Go types them. Pure; the floor of the package.

Nil, booleans, floats and texts are Python's own; Go's int is Python's int kept within 64 bits, and the few other
integers are subclasses, because expr tells them apart. Arrays say what they hold: a range of ints is no list of
anything, even when the items are the same. A text is Go's string: bytes that are mostly UTF-8, with stray ones as
surrogate escapes. `from_json` lets nothing else in, so that no method or attribute of a Python object is ever within
reach of an expression.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

INT_MAX: Final = 2**63 - 1
INT_MIN: Final = -(2**63)
INT_VALUES: Final = 2**64
SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""In a value, a byte that is part of no character; anywhere else no text at all."""


class LongInteger(int):
    """Go's int64, which `asInt` answers."""

    __slots__ = ()


class Byte(int):
    """Go's uint8: what a text's index gives."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """An array; `element` is the Go type of its items, `any` where they may be anything."""

    element: str
    items: Sequence["Value"]
    absent: bool = False
    """Go's nil slice: empty, and equal to nil."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A map; entries are kept under `key_of` their keys, because Go tells 1, 1.0 and true apart and Python doesn't."""

    key_type: str
    entries: "dict[tuple[str, Value], Value]"
    element: str = "any"


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of Argo's environment, as a value."""

    name: str
    parameters: tuple[str, ...]
    result: str
    call: "Callable[[Value, Value], Value]"
    """Always given two arguments, the second nil where the function has one."""


@dataclass(frozen=True, slots=True)
class Duration:
    nanoseconds: int


@dataclass(frozen=True, slots=True)
class Moment:
    at: datetime
    """Aware."""


Value: TypeAlias = (
    bool | int | LongInteger | Byte | float | str | Slice | Table | Function | Duration | Moment | ZoneInfo | None
)

GO_NAMES: Final[dict[type, str]] = {
    type(None): "nil",
    bool: "bool",
    int: "int",
    LongInteger: "int64",
    Byte: "uint8",
    float: "float64",
    str: "string",
    Function: "func",
    Duration: "duration",
    Moment: "time",
}


def type_of(value: Value) -> str:
    """The Go type, as natures name it."""
    if isinstance(value, Slice):
        return value.element if value.element == "pair" else f"[]{value.element}"
    if isinstance(value, Table):
        return f"map[{value.key_type}]{value.element}"
    return GO_NAMES.get(type(value), "location")


def is_integer(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Value) -> bool:
    return isinstance(value, float) or is_integer(value)


def is_nil(value: Value) -> bool:
    return value is None or (isinstance(value, Slice) and value.absent)


def wrapped(number: int) -> int:
    """As 64 bits hold it."""
    if INT_MIN <= number <= INT_MAX:
        return int(number)
    return (number - INT_MIN) % INT_VALUES + INT_MIN


def bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def key_of(key: Value) -> "tuple[str, Value]":
    return type_of(key), key


def table_of(entries: "dict[str, Value]") -> Table:
    """A map with texts for keys: Go's map[string]any."""
    return Table("string", {("string", name): value for name, value in entries.items()})


def item_of(array: Slice, position: int) -> Value:
    item = array.items[position]
    return Byte(item) if array.element == "uint8" and isinstance(item, int) else item
