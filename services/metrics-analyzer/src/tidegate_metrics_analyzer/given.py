"""From messages to a verdict that was given from outside: which count, and what follows from them. Pure.

Called by `outside_run`. One that fails is final for its analysis: nothing that comes later takes it back. Of the others
the one issued last counts. So repetitions, late ones and ones out of order change nothing.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from tidegate_chassis.message import Message
from tidegate_contracts import signing
from tidegate_contracts.codec import Malformed, decode_verdict
from tidegate_contracts.facts import Measurement
from tidegate_contracts.outside import AwaitedVerdict, Told, VerdictWord
from tidegate_contracts.problem import printable
from tidegate_contracts.validate_outside import validate_verdict
from tidegate_contracts.verdicts import VerdictGiven

AHEAD_S_MAX: Final = 60.0
"""So far may a sender's clock be ahead of the bus'."""

AGE_S_MAX: Final = 3600.0
"""A verdict that reaches the bus later than this after it was issued is taken for a replayed one."""


class Frame(NamedTuple):
    """What a verdict has to fit."""

    since_s: float
    """Found before this, it says nothing about the step."""
    step: int | None
    """None: one on any step counts, in the background."""
    key_of: Callable[[str], str]
    """A key by its name; raises ValueError where it can't be used."""


class Given(NamedTuple):
    """A verdict that counts."""

    word: VerdictWord
    told: Told


class Refused(NamedTuple):
    reason: str


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What was told for one awaited verdict so far."""

    failed: Given | None = None
    """The first one that fails."""
    latest: Given | None = None
    counted: int = 0
    inconclusive: int = 0
    failures: int = 0
    refused: int = 0
    refusal: str = ""
    """Why the last one was."""

    @property
    def decisive(self) -> Given | None:
        return self.failed or self.latest


def read(awaited: AwaitedVerdict, message: Message, frame: Frame) -> Given | Refused | None:
    """A message on the verdict's subject; None where it is about another step."""
    key = message.headers.get(signing.KEY, "")
    if reason := _forged(awaited, message, key, frame.key_of):
        return Refused(reason)
    try:
        verdict = decode_verdict(message.payload)
    except Malformed as error:
        return Refused(printable(str(error.problem)))
    if problems := validate_verdict(verdict):
        return Refused(printable(str(problems[0])))
    if verdict.step is not None and frame.step not in (None, verdict.step):
        return None
    if reason := _untimely(verdict, message, frame.since_s, signed=bool(key)):
        return Refused(reason)
    issued_at_s = message.time_s if verdict.issued_at_s is None else verdict.issued_at_s
    told = Told(
        id=printable(message.id),
        at_s=issued_at_s,
        by=verdict.by,
        key=key,
        reason=verdict.reason,
        link=verdict.link,
        figures=verdict.figures,
    )
    return Given(verdict.verdict, told)


def _forged(awaited: AwaitedVerdict, message: Message, key: str, key_of: Callable[[str], str]) -> str | None:
    """Why its author isn't believed; a signature that is given has to hold, whether one is asked for or not."""
    signature = message.headers.get(signing.SIGNATURE, "")
    if not key and not signature:
        return f"it is not signed by {_either(awaited.signed_by)}" if awaited.signed_by else None
    if awaited.signed_by and key not in awaited.signed_by:
        return printable(f"it is signed with {key or 'no key'!r}, and not by {_either(awaited.signed_by)}")
    try:
        holds = signing.is_signature(signature, key_of(key), message.subject, message.payload)
    except ValueError as error:
        return printable(f"its signature can't be looked at: {error}")
    return None if holds else printable(f"its signature is not the one that the key {key!r} makes")


def _either(keys: tuple[str, ...]) -> str:
    return " or ".join(repr(key) for key in keys)


def _untimely(verdict: VerdictGiven, message: Message, since_s: float, *, signed: bool) -> str | None:
    if verdict.issued_at_s is None:
        if signed:
            return "it is signed and doesn't say when it was issued (issued_at_s)"
        return None if message.time_s >= since_s else "it came before the analysis began"
    early_s = verdict.issued_at_s - message.time_s
    if early_s > AHEAD_S_MAX:
        return f"it was issued {early_s:.0f} s after it came: the sender's clock is wrong"
    if -early_s > AGE_S_MAX:
        return f"it came {-early_s:.0f} s after it was issued, and not within {AGE_S_MAX:g} s"
    if verdict.issued_at_s < since_s:
        return f"it was issued {since_s - verdict.issued_at_s:.1f} s before the analysis began"
    return None


def absorb(tally: Tally, found: Given | Refused) -> Tally:
    """The tally after one more message."""
    if isinstance(found, Refused):
        return msgspec.structs.replace(tally, refused=tally.refused + 1, refusal=found.reason)
    counted = msgspec.structs.replace(tally, counted=tally.counted + 1)
    if found.word == "fail":
        return msgspec.structs.replace(counted, failed=tally.failed or found, failures=tally.failures + 1)
    if tally.latest is None or found.told.at_s >= tally.latest.told.at_s:
        counted = msgspec.structs.replace(counted, latest=found)
    return msgspec.structs.replace(counted, inconclusive=tally.inconclusive + (found.word == "inconclusive"))


def verdict_of(tally: Tally, *, overdue: bool) -> VerdictWord | None:
    """None while it is waited for."""
    if tally.decisive is not None:
        return tally.decisive.word
    return "inconclusive" if overdue else None


def evidence(awaited: AwaitedVerdict, subject: str, tally: Tally, *, overdue: bool) -> Measurement:
    return Measurement(
        check=awaited.name,
        query=subject,
        verdict=verdict_of(tally, overdue=overdue) or "inconclusive",
        reason=printable(_reason(awaited, tally, overdue=overdue)),
        measured=tally.counted,
        failed=tally.failures,
        inconclusive=tally.inconclusive,
        told=tally.decisive.told if tally.decisive is not None else None,
    )


def _reason(awaited: AwaitedVerdict, tally: Tally, *, overdue: bool) -> str:
    if tally.decisive is not None:
        word, told = tally.decisive
        who = told.by or told.key or "somebody"
        return f"{who} says {word}: {told.reason}"
    silence = f"nobody gave a verdict within {awaited.within_s:g} s" if overdue else "no verdict was given"
    if not tally.refused:
        return silence
    were = "one was" if tally.refused == 1 else f"{tally.refused} were"
    return f"{silence} that counts; {were} refused: {tally.refusal}"
