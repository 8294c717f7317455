"""What a number's text means: `1_000`, `0xff`, `0b11`, `0o17`, `1.5e3`. Pure; called by `operands`."""

import math
from typing import Final

from tidegate_metrics_analyzer.expr.faults import syntax
from tidegate_metrics_analyzer.expr.tree import Float, Integer, Node
from tidegate_metrics_analyzer.expr.values import INT_MAX

BASES: Final = {"0x": 16, "0b": 2, "0o": 8}


def number(text: str) -> Node:
    plain = text.replace("_", "").lower()
    if not plain.startswith("0x") and ("." in plain or "e" in plain):
        return Float(_float(plain))
    base = BASES.get(plain[:2])
    return Integer(_integer(plain, 10, text) if base is None else _integer(plain[2:], base, text))


def _integer(digits: str, base: int, text: str) -> int:
    try:
        value = int(digits, base)
    except ValueError:
        raise syntax(f"invalid integer literal: {text}") from None
    if value > INT_MAX:
        raise syntax(f"integer literal is too large: {text}")
    return value


def _float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise syntax(f"invalid float literal: {text}") from None
    if math.isinf(value):
        raise syntax(f"float literal is too large: {text}")
    return value
