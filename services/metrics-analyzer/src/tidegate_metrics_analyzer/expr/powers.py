"""Powers of floats, computed by Go's method, so that they come out the same to the last bit for whole exponents.
Pure; called by `arithmetic`.

Fractional exponents go through the platform's exp and log and may differ from Go's in the last digits.
"""

import math
from typing import Final

EXPONENT_BITS_MAX: Final = 2**12
"""Beyond it a power is 0 or infinite, whatever the base."""

HALF: Final = 0.5
ODD_BELOW: Final = 2.0**53
WHOLE_FROM: Final = 2.0**63


def power(base: float, exponent: float) -> float:  # noqa: PLR0911 (IEEE's list of special cases)
    if exponent == 0 or base == 1:
        return 1.0
    if exponent == 1:
        return base
    if math.isnan(base) or math.isnan(exponent):
        return math.nan
    if base == 0:
        return _of_zero(base, exponent)
    if math.isinf(exponent):
        if base == -1:
            return 1.0
        return 0.0 if (abs(base) < 1) == (exponent > 0) else math.inf
    if math.isinf(base):
        return _of_zero(1 / base, -exponent)
    if exponent in (0.5, -0.5):
        root = math.sqrt(base) if base > 0 else math.nan
        return root if exponent > 0 else _inverse(root)
    return _of_finite(base, exponent)


def _of_zero(base: float, exponent: float) -> float:
    negative = math.copysign(1, base) < 0 and _is_odd(exponent)
    if exponent < 0:
        return -math.inf if negative else math.inf
    return -0.0 if negative else 0.0


def _is_odd(value: float) -> bool:
    return abs(value) < ODD_BELOW and math.fmod(abs(value), 2) == 1


def _inverse(value: float) -> float:
    return math.inf if value == 0 else 1 / value


def _of_finite(base: float, exponent: float) -> float:
    fraction, whole = math.modf(abs(exponent))
    if fraction and base < 0:
        return math.nan
    if whole >= WHOLE_FROM:
        if base == -1:
            return 1.0
        return 0.0 if (abs(base) < 1) == (exponent > 0) else math.inf
    if fraction > HALF:
        fraction, whole = fraction - 1, whole + 1
    start = math.exp(fraction * math.log(base)) if fraction else 1.0
    mantissa, binary_exponent = _multiplied(start, base, int(whole))
    if exponent < 0:
        mantissa, binary_exponent = 1 / mantissa, -binary_exponent
    return _scaled(mantissa, binary_exponent)


def _multiplied(mantissa: float, base: float, times: int) -> tuple[float, int]:
    """The mantissa times the base, as often as said, by squaring; and the power of two that goes with it."""
    binary_exponent = 0
    factor, factor_exponent = math.frexp(base)
    while times:
        if abs(factor_exponent) > EXPONENT_BITS_MAX:
            return mantissa, binary_exponent + factor_exponent
        if times & 1:
            mantissa *= factor
            binary_exponent += factor_exponent
        factor *= factor
        factor_exponent *= 2
        if factor < HALF:
            factor, factor_exponent = factor * 2, factor_exponent - 1
        times >>= 1
    return mantissa, binary_exponent


def _scaled(mantissa: float, binary_exponent: int) -> float:
    try:
        return math.ldexp(mantissa, binary_exponent)
    except OverflowError:
        return math.copysign(math.inf, mantissa)
