"""The closed vocabulary of operating errors: what an adapter may raise, and what the caller does about it.

Every adapter (Kubernetes, the bus, a metric provider) translates foreign errors at its border into one of these
four; handlers and the delivery code decide by class alone. Anything else that escapes is a programmer's error.
Nothing here knows where an error came from, so every service and plugin may import it.
"""

from enum import StrEnum
from typing import NamedTuple

__all__ = ["Conflict", "ConflictCause", "FieldOwner", "OperatingError", "Permanent", "Transient", "UnknownOutcome"]


class OperatingError(Exception):
    """Something outside this process went wrong; `reason` is a sentence for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Transient(OperatingError):  # noqa: N818 - the vocabulary reads better without the suffix
    """Nothing was changed and trying again may work.

    Args:
        reason: What happened.
        delay_s: How long the other side asked us to wait; None leaves it to the caller's backoff.
    """

    def __init__(self, reason: str, *, delay_s: float | None = None) -> None:
        super().__init__(reason)
        self.delay_s = delay_s


class Permanent(OperatingError):  # noqa: N818
    """Nothing was changed and trying the same again can't work: someone has to change something.

    Args:
        reason: What happened.
        code: A stable word for programs, such as `forbidden` or `invalid`.
        field: What was wrong: a field's path, or the name of a permission.
        value: What stood there, shortened.
        rule: What it has to satisfy.
        remedy: What a person can do about it.
    """

    def __init__(
        self, reason: str, *, code: str, field: str = "", value: str = "", rule: str = "", remedy: str = ""
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.field = field
        self.value = value
        self.rule = rule
        self.remedy = remedy


class ConflictCause(StrEnum):
    """Why a write lost against another writer, which decides what the loser does next."""

    STALE = "stale"  # decided on an old version: read again and decide again
    OWNED = "owned"  # another manager owns the field: never forced, a person has to decide
    EXISTS = "exists"  # somebody made it already: read it, it may be our own earlier attempt


class FieldOwner(NamedTuple):
    """A field that another writer owns."""

    manager: str
    field: str


class Conflict(OperatingError):  # noqa: N818
    """Nothing was changed because another writer was there first.

    Args:
        reason: What happened.
        cause: Which kind of conflict it is.
        owners: For `owned`: who owns which field.
    """

    def __init__(
        self, reason: str, *, cause: ConflictCause = ConflictCause.STALE, owners: tuple[FieldOwner, ...] = ()
    ) -> None:
        super().__init__(reason)
        self.cause = cause
        self.owners = owners


class UnknownOutcome(OperatingError):  # noqa: N818
    """A write was sent and no answer came: it may have happened. Read back before doing anything else."""
