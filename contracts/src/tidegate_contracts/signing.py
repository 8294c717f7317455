"""A verdict's signature: who says it can prove it, to whoever holds the same key. Pure; for senders and the analyzer.

HMAC-SHA256, in hexadecimal, over the subject, a line feed and the payload's bytes as they travel: nothing has to be put
into a canonical form, and a signature holds for one cluster, namespace, rollout and check. Signer and reader share the
key: whoever reads a verdict gives the rollout's own, so a key that can only verify would protect nothing.
"""

import hashlib
import hmac
from typing import Final

KEY: Final = "tidegate-key"
"""The header that names the key."""
SIGNATURE: Final = "tidegate-signature"
KEY_LENGTH_MIN: Final = 32
"""Characters of a key's file; fewer could be guessed."""


def signature(key: str, subject: str, payload: bytes) -> str:
    return hmac.new(key.encode(), subject.encode() + b"\n" + payload, hashlib.sha256).hexdigest()


def is_signature(text: str, key: str, subject: str, payload: bytes) -> bool:
    return hmac.compare_digest(text.encode(), signature(key, subject, payload).encode())


def headers(name: str, key: str, subject: str, payload: bytes) -> dict[str, str]:
    """What a signed verdict carries beside its body."""
    return {KEY: name, SIGNATURE: signature(key, subject, payload)}
