"""When certificates are replaced: what one copy has to do now, told from what all copies share. Pure.

Asked by `certificates_store` at every look, which does what is said and looks again. The order is what keeps every
moment safe: a new authority is shared first, then published, and only what is published signs a serving certificate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DAY_S: Final = 24 * 60 * 60.0
RENEWED_AT: Final = 2 / 3
"""The share of its life after which a certificate is replaced; the rest is left for what goes wrong."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """A serving certificate lives less than the third of its authority's life in which the former is still trusted."""

    authority_s: float = 90 * DAY_S
    serving_s: float = 7 * DAY_S

    def __post_init__(self) -> None:
        if not 0 < self.serving_s < self.authority_s * (1 - RENEWED_AT):
            raise ValueError("a serving certificate must live less than a third of its authority's life")


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate as PEM, and the wall times between which it is valid."""

    pem: bytes
    start_s: float
    end_s: float

    def is_due(self, now_s: float) -> bool:
        """Whether it is time to replace it."""
        return now_s >= self.start_s + (self.end_s - self.start_s) * RENEWED_AT


@dataclass(frozen=True, slots=True)
class KeyedCertificate:
    certificate: Certificate
    key_pem: bytes


@dataclass(frozen=True, slots=True)
class Authority:
    """What all copies share: who signs now, and who signed before and is still trusted."""

    present: KeyedCertificate
    former: Certificate | None = None

    @property
    def bundle(self) -> bytes:
        """What clients have to trust."""
        return self.present.certificate.pem + (self.former.pem if self.former is not None else b"")


@dataclass(frozen=True, slots=True)
class Serving:
    """What this copy serves with, and whose signature it carries."""

    keyed: KeyedCertificate
    issuer_pem: bytes


class Step(StrEnum):
    REPLACE_AUTHORITY = "replace-authority"
    PUBLISH = "publish"
    ISSUE = "issue"
    NOTHING = "nothing"


def next_step(authority: Authority | None, published: Sequence[bytes], serving: Serving | None, now_s: float) -> Step:
    """What to do first.

    Args:
        authority: What is shared, if anything usable is.
        published: The bundle of every place that a client reads.
        serving: What this copy serves with, if anything.
        now_s: The wall time.
    """
    if authority is None or authority.present.certificate.is_due(now_s):
        return Step.REPLACE_AUTHORITY
    if any(bundle != authority.bundle for bundle in published):
        return Step.PUBLISH
    if serving is None or serving.keyed.certificate.is_due(now_s):
        return Step.ISSUE
    return Step.NOTHING if serving.issuer_pem == authority.present.certificate.pem else Step.ISSUE


def succeeded(known: Authority | None, successor: KeyedCertificate, now_s: float) -> Authority:
    """The authority after a replacement: the one before stays trusted for as long as it is valid.

    Args:
        known: What is shared; where that was lost, what this copy remembers of it.
        successor: Who signs from now on.
        now_s: The wall time.
    """
    if known is None or known.present.certificate.end_s <= now_s:
        return Authority(successor)
    return Authority(successor, known.present.certificate)
