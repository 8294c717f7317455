"""What is wrong with something that somebody sent or asked for, said so that they can mend it."""

import msgspec

from tidegate_contracts.limits import REASON_LENGTH_MAX


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One fault: which field, what it held, the rule it breaks and the remedy."""

    field: str
    value: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field}: {self.value!r} breaks the rule: {self.rule}. {self.remedy}"


def problem(field: str, value: object, rule: str, remedy: str) -> Problem:
    """A problem with a value of any type, made fit for an event or a log."""
    return Problem(field=field, value=printable(value), rule=rule, remedy=remedy)


def printable(value: object) -> str:
    """A value for an event or a log: short, and without control characters that could forge a line."""
    text = value if isinstance(value, str) else repr(value)
    clean = text if text.isprintable() else "".join(each if each.isprintable() else "?" for each in text)
    return clean if len(clean) <= REASON_LENGTH_MAX else clean[: REASON_LENGTH_MAX - 1] + "…"
