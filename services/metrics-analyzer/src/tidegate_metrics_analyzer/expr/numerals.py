"""Numbers written as texts, read as Go's strconv reads them. Pure; called by `environment` and `functions_numbers`."""

import math
import re
from decimal import Decimal
from typing import Final

from tidegate_metrics_analyzer.expr.faults import no_answer
from tidegate_metrics_analyzer.expr.values import INT_MAX, INT_MIN

INTEGER: Final = re.compile(r"[+-]?[0-9]+")
INTEGER_DIGITS_MAX: Final = 1_000
"""Python refuses to read much longer ones; none of that length is within 64 bits, unless it starts with zeros."""

DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
HEXADECIMAL: Final = re.compile(r"([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?[pP]([+-]?[0-9]+)")
SEPARATOR: Final = re.compile(r"(?<=[0-9a-fA-FxX])_(?=[0-9a-fA-F])")
WORDS: Final = {
    **dict.fromkeys(("inf", "+inf", "infinity", "+infinity"), math.inf),
    **dict.fromkeys(("-inf", "-infinity"), -math.inf),
    "nan": math.nan,
}


def integer_of(text: str) -> int:
    if INTEGER.fullmatch(text) is None or len(text) > INTEGER_DIGITS_MAX:
        raise no_answer(f"parsing {text!r}: invalid syntax")
    value = int(text)
    if not INT_MIN <= value <= INT_MAX:
        raise no_answer(f"parsing {text!r}: value out of range")
    return value


def float_of(text: str) -> float:
    word = WORDS.get(text.lower())
    if word is not None:
        return word
    plain = SEPARATOR.sub("", text)
    if DECIMAL.fullmatch(plain) is not None:
        value = float(plain)
    elif HEXADECIMAL.fullmatch(plain) is not None:
        value = _hexadecimal(plain)
    else:
        raise no_answer(f"parsing {text!r}: invalid syntax")
    if math.isinf(value):
        raise no_answer(f"parsing {text!r}: value out of range")
    return value


def _hexadecimal(text: str) -> float:
    try:
        return float.fromhex(text)
    except OverflowError:
        return math.inf
    except ValueError:
        raise no_answer(f"parsing {text!r}: invalid syntax") from None


def scientific(value: float) -> tuple[str, str, int]:
    """A finite float's sign, its shortest digits, and the exponent of the first of them."""
    mantissa, _, exponent = f"{Decimal(repr(value)):e}".partition("e")
    digits = mantissa.lstrip("-").replace(".", "").rstrip("0") or "0"
    sign = "-" if mantissa.startswith("-") else ""
    return sign, digits, int(exponent) if value else 0
