"""Which labels a selector of the API matches, in the text form that clients send (`app=web,tier in (a,b),!old`).

`resource_metrics` reads the pods of an autoscaler's request by it. Pure.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

Labels = Mapping[str, str]
_PART: Final = re.compile(r"\s*((?:[^,(]|\([^)]*\))+)\s*(?:,|$)")
_SET: Final = re.compile(r"(\S+)\s+(in|notin)\s*\(([^)]*)\)")
_EQUALITY: Final = re.compile(r"([^\s!=]+)\s*(!=|==|=)\s*(\S*)")


def matcher(selector: str) -> Callable[[Labels], bool]:
    """What tells whether labels match; `ValueError` for a selector that can't be read."""
    requirements = [_requirement(part.strip()) for part in _PART.findall(selector)]

    def matches(labels: Labels) -> bool:
        return all(holds(labels) for holds in requirements)

    return matches


def _requirement(text: str) -> Callable[[Labels], bool]:
    if found := _SET.fullmatch(text):
        key, operator, values = found[1], found[2], {value.strip() for value in found[3].split(",")}
        return lambda labels: (labels.get(key) in values) == (operator == "in")
    if found := _EQUALITY.fullmatch(text):
        key, operator, value = found.groups()
        return lambda labels: (labels.get(key) == value) == (operator != "!=")
    key = text.removeprefix("!")
    if not key or not re.fullmatch(r"[\w./-]+", key):
        raise ValueError(f"no selector: {text!r}")
    return lambda labels: (key in labels) == (key == text)
