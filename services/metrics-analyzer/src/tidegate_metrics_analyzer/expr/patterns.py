"""Regular expressions by RE2, whose matching takes time in proportion to the text, as Go's does. Pure; called for
`matches`.
"""

from functools import lru_cache
from typing import Final, cast

import re2

from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.faults import beyond, mismatch, no_answer
from tidegate_metrics_analyzer.expr.values import Slice, Value, bytes_of, is_nil, type_of

PATTERN_BYTES_MAX: Final = 1_000_000
"""What one compiled pattern may take: `\\pL{1000}` is beyond it."""

TOO_LARGE: Final = "pattern too large"
PATTERNS_KEPT_MAX: Final = 128
MATCHED_PER_STEP: Final = 8
PATTERN_STEPS: Final = 500
"""For a pattern that is computed, and may have to be compiled."""


@lru_cache(maxsize=PATTERNS_KEPT_MAX)
def pattern(text: str) -> "re2._Regexp":
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_BYTES_MAX
    try:
        return re2.compile(bytes_of(text), options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace")
        raise beyond(reason) if TOO_LARGE in reason else no_answer(f"error parsing regexp: {reason}") from None


def text_operation(operator: str, left: Value, right: Value, budget: Budget) -> Value:
    if is_nil(left) or is_nil(right):
        return False
    if not isinstance(right, str):
        raise mismatch(f"interface conversion: {type_of(right)} is not string")
    if operator == "matches" and isinstance(left, Slice) and left.element == "uint8":
        return _matches(right, bytes(cast("bytes", left.items)), budget)
    if not isinstance(left, str):
        raise mismatch(f"interface conversion: {type_of(left)} is not string")
    match operator:
        case "matches":
            return _matches(right, bytes_of(left), budget)
        case "contains":
            return right in left
        case "startsWith":
            return left.startswith(right)
    return left.endswith(right)


def _matches(text: str, data: bytes, budget: Budget) -> bool:
    budget.step((len(data) + len(text)) // MATCHED_PER_STEP)
    return pattern(text).search(data) is not None
