"""Why an expression has no value: a small closed class, so that a caller decides by kind and a person reads the text.
Pure.

Raised as `Refused` by every module of the package; caught in `expression` alone, which hands it out as a `Fault`.
"""

from dataclasses import dataclass
from enum import StrEnum

from tidegate_contracts.problem import printable


class FaultKind(StrEnum):
    SYNTAX = "syntax"
    """The text is no expression."""
    NAME = "name"
    """It names what isn't there, or declares what is there already."""
    TYPE = "type"
    """An operation on values that it isn't defined for."""
    INDEX = "index"
    """A way into a value that leads nowhere: beyond the end, into nil, into a number."""
    VALUE = "value"
    """Values of the right type that have no answer: a division by zero, a text that is no number."""
    LIMIT = "limit"
    """It would take more nodes, steps or memory than one expression gets."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: FaultKind
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


class Refused(Exception):  # noqa: N818 (it says what happened to the expression)
    """Carries the fault up to `expression`."""

    def __init__(self, kind: FaultKind, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(kind, printable(message))


def syntax(message: str) -> Refused:
    return Refused(FaultKind.SYNTAX, message)


def unknown_name(message: str) -> Refused:
    return Refused(FaultKind.NAME, message)


def mismatch(message: str) -> Refused:
    return Refused(FaultKind.TYPE, message)


def nowhere(message: str) -> Refused:
    return Refused(FaultKind.INDEX, message)


def no_answer(message: str) -> Refused:
    return Refused(FaultKind.VALUE, message)


def beyond(message: str) -> Refused:
    return Refused(FaultKind.LIMIT, message)
