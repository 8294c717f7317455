"""A resource quantity as Go keeps it in memory, as far as a hash over that memory needs it. Pure.

Used by `go_dump`. Go remembers the text only where it was canonical in a certain sense, so that has to be told as well.
What takes more than 18 digits, or fractions of binary units, is kept otherwise; the API server writes neither back.
"""

import re
from typing import Any, Final, NamedTuple

DIGITS_MAX: Final = 18
NANO: Final = -9
INTEGER_MAX: Final = 2**63 - 1
_PARTS: Final = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(.*)", re.ASCII)
_EXPONENT: Final = re.compile(r"[eE]([+-]?[0-9]+)", re.ASCII)
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


class UndumpableError(ValueError):
    """A value whose memory in Go is not known here."""


class Quantity(NamedTuple):
    value: int = 0
    scale: int = 0
    text: str = ""
    form: str = ""


def quantity(written: Any) -> Quantity:
    """Raises `UndumpableError` for what is kept otherwise than as a scaled integer."""
    if written is None:
        return Quantity()
    text = str(written).strip()
    if text == "0":
        return Quantity(text=text, form="DecimalSI")
    found = _PARTS.fullmatch(text)
    if found is None or not (found[2] or found[3]):
        raise UndumpableError(f"{text!r} is no quantity")
    whole, fraction, suffix = found[2].lstrip("0") or "0", found[3] or "", found[4]
    # Go tells whole and fractional digits apart when it counts them, and cuts leading zeros of the whole ones.
    value, scale, form = _scaled(text, whole, fraction, suffix)
    signed = -value if found[1] == "-" else value
    return Quantity(signed, scale, text if _kept(whole + fraction, scale, suffix, form) else "", form)


def _scaled(text: str, whole: str, fraction: str, suffix: str) -> tuple[int, int, str]:
    if suffix in _BINARY:
        exponent = _BINARY[suffix]
        fits, factor, scale, form = not fraction, 1 << exponent, 0, "BinarySI"
        fits = fits and 15 - len(whole) - exponent * 3 // 10 - 1 >= 0
    else:
        scale, form = _decimal(text, suffix)
        scale, factor = scale - len(fraction), 1
        fits = DIGITS_MAX - len(whole) - len(fraction) >= 0 and scale >= NANO
    value = int(whole + fraction) * factor
    if not fits or value > INTEGER_MAX:
        raise UndumpableError(f"{text!r} is no quantity of few digits")
    return value, scale, form


def _decimal(text: str, suffix: str) -> tuple[int, str]:
    if suffix in _DECIMAL:
        return _DECIMAL[suffix], "DecimalSI"
    exponent = _EXPONENT.fullmatch(suffix)
    if exponent is None:
        raise UndumpableError(f"{text!r} is no quantity")
    return int(exponent[1]), "DecimalExponent"


def _kept(digits: str, scale: int, suffix: str, form: str) -> bool:
    """Whether Go remembers the text beside the number."""
    if form == "BinarySI":
        return _BINARY[suffix] % 10 == 0 and int(digits) & 7 != 0
    return scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"
