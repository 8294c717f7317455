"""Durations as Go writes them, such as `1m30s`, made into seconds. Pure; called by `metric` and `validate`."""

import re
from typing import Final

_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNIT_S: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_S: Final = 2**63 / 1e9
"""Go counts nanoseconds in 64 bits."""


def seconds(text: str) -> float | None:
    """None where it is no duration."""
    sign, unsigned = (-1.0, text[1:]) if text.startswith("-") else (1.0, text.removeprefix("+"))
    if unsigned == "0":
        return 0.0
    parts = list(_PART.finditer(unsigned))
    if not parts or "".join(part.group() for part in parts) != unsigned:
        return None
    total_s = sum(float(part.group(1)) * _UNIT_S[part.group(2)] for part in parts)
    return sign * total_s if total_s < _LONGEST_S else None
