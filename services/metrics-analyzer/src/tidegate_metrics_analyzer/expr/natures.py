"""What is known of a value before it is computed: expr's static types, with its two ways of knowing nothing. Pure.

`checker` gives each node its nature; `interpreter` and `rewriting` ask for a few of them, because expr picks other
operations by them. UNKNOWN is what expr has no type for, ANY the type `interface{}`: an expression `c ? 1 : x` is an
int where x is ANY, and unknown where x is UNKNOWN. Such differences are expr's own, and conditions written for it
depend on them.
"""

from dataclasses import dataclass
from typing import Final

from tidegate_metrics_analyzer.expr.values import Function

INTEGERS: Final = frozenset({"int", "int64", "uint8"})
NILLABLE: Final = ("[]", "map[", "func", "any", "location")


@dataclass(frozen=True, slots=True)
class Nature:
    type: str | None = None
    """The Go type; None where it isn't known."""
    reference: "Nature | None" = None
    """Of an array: what its items are, where more is known than the type says."""
    nil: bool = False
    function: Function | None = None
    """Of a function of the environment."""
    builtin: str | None = None
    """Of a built-in function that is named and not called."""

    def __str__(self) -> str:
        return self.type or "unknown"

    @property
    def is_unknown(self) -> bool:
        return (self.type is None and not self.nil) or self.type == "any"

    @property
    def is_integer(self) -> bool:
        return self.type in INTEGERS

    @property
    def is_number(self) -> bool:
        return self.type == "float64" or self.is_integer

    @property
    def is_array(self) -> bool:
        return self.type is not None and self.type.startswith("[]")

    @property
    def is_map(self) -> bool:
        return self.type is not None and self.type.startswith("map[")

    @property
    def kind(self) -> str:
        """Go's reflect.Kind."""
        if self.type is None:
            return "invalid"
        if self.is_array:
            return "slice"
        if self.is_map:
            return "map"
        return {"duration": "int64", "time": "struct", "location": "pointer"}.get(
            self.type, self.type.partition("(")[0]
        )

    @property
    def key(self) -> "Nature":
        assert self.type is not None
        return Nature(self.type[len("map[") :].partition("]")[0])

    @property
    def element(self) -> "Nature":
        if self.type is None:
            return UNKNOWN
        if self.reference is not None:
            return self.reference
        if self.is_array:
            return Nature(self.type[2:])
        return Nature(self.type.partition("]")[2]) if self.is_map else UNKNOWN

    def assignable_to(self, other: "Nature") -> bool:
        if self.nil and other.type is not None and other.type.startswith(NILLABLE):
            return True
        if self.type is None or other.type is None:
            return False
        return other.type in ("any", self.type)

    def comparable_to(self, other: "Nature") -> bool:
        if self.is_unknown or other.is_unknown or self.nil or other.nil:
            return True
        both_numbers = self.is_number and other.is_number
        return both_numbers or (self.is_array and other.is_array) or self.assignable_to(other)

    def maybe(self, other: "Nature", *kinds: str) -> bool:
        """Whether one of the two is not known, and the other is of these kinds or isn't known either."""
        if self.is_unknown and other.is_unknown:
            return True
        if self.is_unknown:
            return other.is_any_of(*kinds)
        return other.is_unknown and self.is_any_of(*kinds)

    def is_any_of(self, *kinds: str) -> bool:
        return any(
            (kind == "number" and self.is_number)
            or (kind == "integer" and self.is_integer)
            or (kind == "array" and self.is_array)
            or (kind == "map" and self.is_map)
            or kind == self.type
            for kind in kinds
        )


UNKNOWN: Final = Nature()
ANY: Final = Nature("any")
NIL: Final = Nature(nil=True)
BOOL: Final = Nature("bool")
INT: Final = Nature("int")
FLOAT: Final = Nature("float64")
STRING: Final = Nature("string")
ANY_ARRAY: Final = Nature("[]any")
ANY_MAP: Final = Nature("map[string]any")
TIME: Final = Nature("time")
DURATION: Final = Nature("duration")


def array_of(item: Nature) -> Nature:
    return Nature("[]any", reference=item)


def promoted(left: Nature, right: Nature) -> Nature:
    if left.is_unknown or right.is_unknown:
        return UNKNOWN
    return FLOAT if "float64" in (left.type, right.type) else INT
