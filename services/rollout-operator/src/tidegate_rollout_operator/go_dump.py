"""The text that go-spew's `%#v` makes of a typed Go value, made of the value's JSON and a table of the types. Pure.

Used by `template_hash`. The table is written by tools/kruise-identity. Every field of every struct is shown, set or
not, with the name of its type: that is what the hash of a template is over.
"""

from typing import Any, Final, Literal

import msgspec

from tidegate_rollout_operator.go_quantity import UndumpableError, quantity

__all__ = ["Type", "UndumpableError", "dumped"]

NIL: Final = "<nil>"


class Field(msgspec.Struct, frozen=True):
    name: str
    json: str
    """How it is called in JSON; empty where its own fields stand in the object around it."""
    type: int
    """The place of its type in the table."""


class Type(msgspec.Struct, frozen=True):
    shown: str
    kind: Literal[
        "pointer", "slice", "map", "struct", "string", "bool", "integer", "quantity", "int-or-string", "time", "unknown"
    ]
    of: int = -1
    """The place of what a pointer, slice or map is made of."""
    fields: tuple[Field, ...] = ()


def dumped(types: tuple[Type, ...], value: Any) -> str:
    """The text for a value of the table's first type.

    Raises:
        UndumpableError: A value that no API server writes into a pod template, or of another shape than its type.
    """
    parts: list[str] = []
    _Dump(types, parts).show(types[0], value)
    return "".join(parts)


class _Dump:
    def __init__(self, types: tuple[Type, ...], parts: list[str]) -> None:
        self._types = types
        self._parts = parts

    def show(self, of: Type, value: Any) -> None:
        """With the type's name: as a field, or at the top."""
        self._parts.append(f"({of.shown})")
        self._show_untyped(of, value)

    def _show_untyped(self, of: Type, value: Any) -> None:
        match of.kind:
            case "struct":
                self._struct(of, _an(dict, value, {}))
            case "pointer" | "slice" | "map" if value is None:
                self._parts.append(NIL)
            case "pointer":
                self._show_untyped(self._types[of.of], value)
            case "slice":
                self._slice(self._types[of.of], _an(list, value, []))
            case "map":
                self._map(self._types[of.of], _an(dict, value, {}))
            case _:
                self._parts.append(_leaf(of, value))

    def _slice(self, of: Type, values: list[Any]) -> None:
        self._parts.append("[")
        for index, each in enumerate(values):
            self._parts.append(" " if index else "")
            self._show_untyped(of, each)
        self._parts.append("]")

    def _map(self, of: Type, values: dict[str, Any]) -> None:
        self._parts.append("map[")
        for index, name in enumerate(sorted(values, key=str.encode)):
            self._parts.append(f"{' ' if index else ''}{name}:")
            self._show_untyped(of, values[name])
        self._parts.append("]")

    def _struct(self, of: Type, values: dict[str, Any]) -> None:
        self._parts.append("{")
        for index, field in enumerate(of.fields):
            self._parts.append(f"{' ' if index else ''}{field.name}:")
            self.show(self._types[field.type], values.get(field.json) if field.json else values)
        self._parts.append("}")


def _leaf(of: Type, value: Any) -> str:
    match of.kind:
        case "string":
            return str(_an(str, value, ""))
        case "bool":
            return "true" if _an(bool, value, False) else "false"
        case "integer":
            return str(_an(int, value, 0))
        case "quantity":
            return _quantity(value)
        case "int-or-string":
            return _int_or_string(value)
        case "time" if value is None:
            return "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}"
        case _:
            raise UndumpableError(f"{of.shown} is not known here but empty")


def _quantity(value: Any) -> str:
    found = quantity(value)
    amount = f"(resource.int64Amount){{value:(int64){found.value} scale:(resource.Scale){found.scale}}}"
    decimal = "(resource.infDecAmount){Dec:(*inf.Dec)<nil>}"
    return f"{{i:{amount} d:{decimal} s:(string){found.text} Format:(resource.Format){found.form}}}"


def _int_or_string(value: Any) -> str:
    is_text = isinstance(value, str)
    number, text = (0, value) if is_text else (_an(int, value, 0), "")
    return f"{{Type:(intstr.Type){int(is_text)} IntVal:(int32){number} StrVal:(string){text}}}"


def _an(kind: type[Any], value: Any, zero: Any) -> Any:
    """The value, if it is of this kind; Go's zero where there is none."""
    if value is None:
        return zero
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UndumpableError(f"{value!r} is no {kind.__name__}")
    return value
