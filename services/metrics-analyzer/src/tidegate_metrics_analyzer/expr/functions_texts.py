"""Functions of texts: trim, split, replace and their like, as Go's strings package has them. Pure; gathered by
`functions`.
"""

from collections.abc import Callable
from typing import Final

from tidegate_metrics_analyzer.expr.arithmetic import as_integer
from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.faults import beyond, mismatch, no_answer
from tidegate_metrics_analyzer.expr.tokens import SPACES
from tidegate_metrics_analyzer.expr.values import Slice, Value, bytes_of, item_of, type_of

REPEAT_MAX: Final = 1_000_000
NO_CHARACTER: Final = dict.fromkeys(range(0xDC80, 0xDD00), "\ufffd")
"""Go replaces bytes that are no character, one by one, where it goes through a text by its letters."""

LOWER_SPECIAL: Final = {"\u0130": "i"}


def text(value: Value) -> str:
    if isinstance(value, str):
        return value
    raise mismatch(f"interface conversion: {type_of(value)} is not string")


def _trim(arguments: list[Value], budget: Budget) -> Value:
    cut = "".join(SPACES) if len(arguments) == 1 else text(arguments[1])
    return budget.text(text(arguments[0]).strip(cut) if cut else text(arguments[0]))


def _trim_prefix(arguments: list[Value], budget: Budget) -> Value:
    return budget.text(text(arguments[0]).removeprefix(text(arguments[1]) if len(arguments) > 1 else " "))


def _trim_suffix(arguments: list[Value], budget: Budget) -> Value:
    return budget.text(text(arguments[0]).removesuffix(text(arguments[1]) if len(arguments) > 1 else " "))


def _upper(arguments: list[Value], budget: Budget) -> Value:
    """Character by character: no letter becomes two."""
    source = text(arguments[0]).translate(NO_CHARACTER)
    budget.step(len(source))
    return budget.text("".join(big if len(big := letter.upper()) == 1 else letter for letter in source))


def _lower(arguments: list[Value], budget: Budget) -> Value:
    source = text(arguments[0]).translate(NO_CHARACTER)
    budget.step(len(source))
    return budget.text("".join(LOWER_SPECIAL.get(letter, letter.lower()) for letter in source))


def _split(*, keep: bool) -> Callable[[list[Value], Budget], Value]:
    def split(arguments: list[Value], budget: Budget) -> Value:
        source, separator = text(arguments[0]), text(arguments[1])
        count = as_integer(arguments[2]) if len(arguments) > 2 else -1  # noqa: PLR2004 (the third says how many)
        budget.write(len(source))
        if count == 0:
            return Slice("string", (), absent=True)
        parts = _parts(source, separator, count)
        budget.step(len(parts))
        return Slice("string", [part + separator for part in parts[:-1]] + parts[-1:] if keep else parts)

    return split


def _parts(source: str, separator: str, count: int) -> list[str]:
    if separator:
        return source.split(separator, count - 1 if count > 0 else -1)
    if 0 < count < len(source):
        return [*source[: count - 1], source[count - 1 :]]
    return list(source)


def _replace(arguments: list[Value], budget: Budget) -> Value:
    source, old, new = (text(argument) for argument in arguments[:3])
    count = as_integer(arguments[3]) if len(arguments) > 3 else -1  # noqa: PLR2004 (the fourth says how many)
    places = source.count(old) if old else len(source) + 1
    budget.step(len(source))
    budget.write(len(source) + len(new) * (places if count < 0 else min(places, count)))
    return source.replace(old, new, count if count >= 0 else -1)


def _repeat(arguments: list[Value], budget: Budget) -> Value:
    source, count = text(arguments[0]), as_integer(arguments[1])
    if count < 0:
        raise no_answer(f"invalid argument for repeat (expected positive integer, got {count})")
    if count > REPEAT_MAX:
        raise beyond("memory budget exceeded")
    budget.grow(len(bytes_of(source)) * count)
    budget.write(len(source) * count)
    return source * count


def _join(arguments: list[Value], budget: Budget) -> Value:
    glue = text(arguments[1]) if len(arguments) > 1 else ""
    parts = arguments[0]
    if not isinstance(parts, Slice) or parts.element not in ("any", "string"):
        raise mismatch(f"invalid argument for join (type {type_of(parts)})")
    texts = [text(item_of(parts, at)) for at in range(len(parts.items))]
    budget.step(len(texts))
    budget.write(sum(len(part) for part in texts) + len(glue) * len(texts))
    return glue.join(texts)


def _position(*, last: bool) -> Callable[[list[Value], Budget], Value]:
    def position(arguments: list[Value], _: Budget) -> Value:
        source, part = bytes_of(text(arguments[0])), bytes_of(text(arguments[1]))
        return source.rfind(part) if last else source.find(part)

    return position


TEXTS: Final[dict[str, tuple[int, int, Callable[[list[Value], Budget], Value]]]] = {
    "trim": (1, 2, _trim),
    "trimPrefix": (1, 2, _trim_prefix),
    "trimSuffix": (1, 2, _trim_suffix),
    "upper": (1, 1, _upper),
    "lower": (1, 1, _lower),
    "split": (2, 3, _split(keep=False)),
    "splitAfter": (2, 3, _split(keep=True)),
    "replace": (3, 4, _replace),
    "repeat": (2, 2, _repeat),
    "join": (1, 2, _join),
    "indexOf": (2, 2, _position(last=False)),
    "lastIndexOf": (2, 2, _position(last=True)),
    "hasPrefix": (2, 2, lambda arguments, _: text(arguments[0]).startswith(text(arguments[1]))),
    "hasSuffix": (2, 2, lambda arguments, _: text(arguments[0]).endswith(text(arguments[1]))),
}
