"""Turns the API server's refusals into the closed vocabulary of errors; pure.

The client calls it with every answer that isn't a success; what it returns decides whether the call is repeated,
reported or taken as an answer. Messages come from the server and are cut to a limit before they go anywhere.
"""

import re

import msgspec

from tidegate_chassis.errors import (
    Conflict,
    ConflictCause,
    FieldOwner,
    OperatingError,
    Permanent,
    Transient,
    UnknownOutcome,
)
from tidegate_chassis.kubernetes.objects import NotFound

__all__ = ["Attempt", "Expired", "interpret", "status_code"]

MESSAGE_LENGTH_MAX = 1_000
UNAUTHENTICATED_DELAY_S = 10.0
_MANAGER = re.compile(r'conflict with "([^"]+)"')


class Expired(Conflict):
    """The resource version or continue token is too old (410): list again, the same can't succeed."""


class Attempt(msgspec.Struct, frozen=True):
    """What was asked for, as far as an error's wording and meaning depend on it."""

    verb: str
    resource: str
    namespace: str | None = None
    name: str = ""
    is_write: bool = False
    is_json_patch: bool = False

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{' ' + self.name if self.name else ''}{where}"


class _Cause(msgspec.Struct, rename="camel"):
    reason: str = ""
    message: str = ""
    field: str = ""


class _Details(msgspec.Struct, rename="camel"):
    name: str = ""
    kind: str = ""
    retry_after_seconds: float | None = None
    causes: list[_Cause] = []


class _Status(msgspec.Struct, rename="camel"):
    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details = msgspec.field(default_factory=_Details)


def interpret(  # noqa: PLR0911 - one return per class of answer is the clearest table
    attempt: Attempt, http_status: int, body: bytes, retry_after: str | None = None
) -> OperatingError | NotFound:
    """Say what an unsuccessful answer means.

    Args:
        attempt: What was asked for.
        http_status: The answer's status, or the `code` of a watch's ERROR frame.
        body: The answer, normally a `Status` object.
        retry_after: The Retry-After header.
    """
    status = _parse(body)
    status.message = (status.message or body.decode(errors="replace"))[:MESSAGE_LENGTH_MAX].strip()
    reason = f"{attempt}: {status.message or f'HTTP {http_status}'}"
    delay_s = _delay_s(status, retry_after)
    match http_status:
        case 401:
            return Transient(reason, delay_s=delay_s or UNAUTHENTICATED_DELAY_S)
        case 403:
            return _forbidden(attempt, status, reason)
        case 404:
            return _not_found(attempt, status, reason)
        case 409:
            return _conflict(status, reason)
        case 410:
            return Expired(reason)
        case 422:
            return _invalid(attempt, status, reason)
        case 429:
            return Transient(reason, delay_s=delay_s)
        case _ if http_status >= 500:  # noqa: PLR2004 - HTTP's own classes
            return _server_error(attempt, http_status, status, reason, delay_s)
    return Permanent(reason, code=status.reason or f"http-{http_status}", value=str(attempt))


def status_code(status: bytes | msgspec.Raw) -> int:
    """The code inside a Status object, as a watch's ERROR frame carries it."""
    return _parse(status).code or 500


def _parse(body: bytes | msgspec.Raw) -> _Status:
    try:
        return msgspec.json.decode(body, type=_Status)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Status()  # a proxy's page or plain text; the caller takes the raw body as the message


def _delay_s(status: _Status, retry_after: str | None) -> float | None:
    if retry_after is not None and retry_after.isdecimal():
        return float(retry_after)
    return status.details.retry_after_seconds or None


def _forbidden(attempt: Attempt, status: _Status, reason: str) -> Permanent:
    if " cannot " not in status.message:
        return Permanent(reason, code="refused-by-admission", value=str(attempt), rule=status.message)
    permission = f"{attempt.verb} {attempt.resource}"
    where = f"in namespace {attempt.namespace}" if attempt.namespace else "in the whole cluster"
    return Permanent(
        reason,
        code="forbidden",
        field="rbac",
        value=permission,
        rule=f"our service account may {permission} {where}",
        remedy=f"bind a Role that allows {permission} {where}",
    )


def _not_found(attempt: Attempt, status: _Status, reason: str) -> OperatingError | NotFound:
    if status.reason != "NotFound":
        return Permanent(
            reason,
            code="kind-not-served",
            value=attempt.resource,
            rule="the API server serves this resource",
            remedy=f"install the CustomResourceDefinition of {attempt.resource}",
        )
    if attempt.verb == "create":
        return Permanent(
            reason,
            code="namespace-not-found",
            field="namespace",
            value=attempt.namespace or "",
            rule="the namespace exists",
            remedy="create the namespace first",
        )
    return NotFound(attempt.resource, attempt.namespace, attempt.name)


def _conflict(status: _Status, reason: str) -> Conflict:
    owners = tuple(
        FieldOwner(manager=found.group(1), field=cause.field)
        for cause in status.details.causes
        if cause.reason == "FieldManagerConflict" and (found := _MANAGER.search(cause.message))
    )
    if owners:
        return Conflict(reason, cause=ConflictCause.OWNED, owners=owners)
    exists = status.reason == "AlreadyExists"
    return Conflict(reason, cause=ConflictCause.EXISTS if exists else ConflictCause.STALE)


def _invalid(attempt: Attempt, status: _Status, reason: str) -> OperatingError:
    if attempt.is_json_patch and not status.details.causes:
        # A failed `test` operation is answered as 422 without a cause, not as 409.
        return Conflict(reason, cause=ConflictCause.STALE)
    first = status.details.causes[0] if status.details.causes else _Cause()
    return Permanent(
        reason, code="invalid", field=first.field, value=str(attempt), rule=first.message or status.message
    )


def _server_error(
    attempt: Attempt, http_status: int, status: _Status, reason: str, delay_s: float | None
) -> OperatingError:
    # 503 is answered before a request is carried out, and so is a webhook's failure; after any other 5xx the write
    # may stand.
    surely_refused = http_status == 503 or "failed calling webhook" in status.message  # noqa: PLR2004
    if attempt.is_write and not surely_refused:
        return UnknownOutcome(reason)
    return Transient(reason, delay_s=delay_s)
