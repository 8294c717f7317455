"""Where the evaluator and the real expr may differ: what docs/expressions.md lists, and nothing else."""

import math
from collections.abc import Callable

Tells = Callable[[str, str, str], bool]
"""Whether a difference is this one, by the expression, expr's answer and ours."""

RELATIVE_DIFFERENCE_MAX = 1e-14


def difference(expression: str, theirs: str, ours: str) -> str:
    """Nothing where the answers are the same, else the known difference, or that it is none."""
    if theirs == ours:
        return ""
    return next((name for name, tells in KNOWN.items() if tells(expression, theirs, ours)), "unknown")


def _left_behind(expression: str, _theirs: str, _ours: str) -> bool:
    ends = any(end in expression for end in ("last", "-1", "- 1"))
    return "findLast" in expression or ("filter" in expression and ends)


def unordered(expression: str) -> bool:
    """Whether Go's maps may show in another order each time."""
    return any(name in expression for name in ("keys", "values", "toPairs", "$env"))


def _shuffled(expression: str, theirs: str, ours: str) -> bool:
    return unordered(expression) and sorted(theirs) == sorted(ours)


def _close(expression: str, theirs: str, ours: str) -> bool:
    if not any(sign in expression for sign in ("**", "^")) or not (theirs[:1] == ours[:1] == "f"):
        return False
    return "false" not in (theirs, ours) and math.isclose(
        float(theirs[1:]), float(ours[1:]), rel_tol=RELATIVE_DIFFERENCE_MAX
    )


KNOWN: dict[str, Tells] = {
    "expr crashed": lambda _, theirs, ours: theirs == "!crash" and ours.startswith("!"),
    "expr took too long": lambda _, theirs, ours: theirs == "!slow" and ours == "!limit",
    "a limit of ours": lambda _, __, ours: ours == "!limit",
    "findLast leaves a value on expr's stack": _left_behind,
    "a pair as a key": lambda expression, _, __: "toPairs" in expression and "groupBy" in expression,
    "a text that is a type's name, in expr's message": lambda expression, theirs, ours: (
        (theirs, ours) == ("!type", "!value") and any(maker in expression for maker in ("type(", "string("))
    ),
    "keys in any order": _shuffled,
    "the last digits of a power": _close,
}
