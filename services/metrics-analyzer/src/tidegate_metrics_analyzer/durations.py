"""Durations as Go and Prometheus write them: `5m`, `1h30m`, `250ms`. Pure; called by the providers' documents."""

import re
from typing import Final

UNIT_S: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
DURATION_S_MAX: Final = 31_536_000.0
_PART: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h|d|w|y)", re.ASCII)


def seconds(text: str) -> float:
    """How long that is.

    Raises:
        ValueError: it is no duration above nothing and up to a year.
    """
    parts = _PART.findall(text)
    total_s = sum(float(number) * UNIT_S[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not 0 < total_s <= DURATION_S_MAX:
        raise ValueError("must be a duration such as 5m, above nothing and up to a year")
    return total_s
