"""How Go programs around Kubernetes write hashes: in letters and digits that can't spell anything. Pure.

Used by `template_hash` and `plan_hash`.
"""

from typing import Final

LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"


def safe_encoded(text: str) -> str:
    """Each byte as one of the letters."""
    return "".join(LETTERS[byte % len(LETTERS)] for byte in text.encode())
