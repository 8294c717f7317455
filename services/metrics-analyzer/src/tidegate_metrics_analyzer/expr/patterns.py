"""Regular expressions by RE2, whose matching takes time in proportion to the text, as Go's does. Pure; called for `matches`."""

from functools import lru_cache
from typing import Final

import re2

from tidegate_metrics_analyzer.expr.faults import no_answer
from tidegate_metrics_analyzer.expr.values import bytes_of

PATTERN_BYTES_MAX: Final = 1_000_000
"""What one compiled pattern may take: `(a{1000}){1000}` doesn't compile."""

PATTERNS_KEPT_MAX: Final = 128


@lru_cache(maxsize=PATTERNS_KEPT_MAX)
def pattern(text: str) -> "re2._Regexp":
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_BYTES_MAX
    try:
        return re2.compile(bytes_of(text), options)
    except re2.error as error:
        raise no_answer(f"error parsing regexp: {error}") from None


def matches(text: str, data: bytes) -> bool:
    return pattern(text).search(data) is not None
