"""What is wrong with a message that can't be read, found and worded so that its sender can mend it. Used by `codec`."""

import difflib
import re
from typing import Any, Final

import msgspec

from tidegate_contracts.limits import MESSAGE_DEPTH_MAX
from tidegate_contracts.problem import Problem, printable

_AT_PATH: Final = re.compile(r" - at `\$\.?(.*)`$")
_PATH_PART: Final = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]")
_MISSING: Final = re.compile(r"Object missing required field `(.+)`")
_SHOWN_BYTES_MAX: Final = 200


class Malformed(ValueError):  # noqa: N818 - it names what the message is
    """A message that can't be read, with the problem to tell its sender."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def too_large(size: int, bytes_max: int) -> Problem:
    return Problem(field="message", value=f"{size} bytes", rule=f"at most {bytes_max} bytes", remedy="Send less.")


def not_json(error: Exception, payload: bytes) -> Problem:
    return Problem(
        field="message",
        value=printable(payload[:_SHOWN_BYTES_MAX]),
        rule=printable(f"JSON ({error})"),
        remedy="Send one JSON object.",
    )


def too_deep() -> Problem:
    rule = f"nested at most {MESSAGE_DEPTH_MAX} deep"
    return Problem(field="message", value="too deep", rule=rule, remedy="Nest less.")


def depth(value: object, most: int) -> int:
    """How deep lists and objects are nested, counted no further than just beyond `most`; a scalar is 0 deep."""
    found, level = 0, [value] if isinstance(value, dict | list) else []
    while level and found <= most:
        found += 1
        level = [child for node in level for child in _children(node) if isinstance(child, dict | list)]
    return found


def _children(node: object) -> list[object]:
    if isinstance(node, dict):
        return list(node.values())
    return list(node) if isinstance(node, list) else []


def misfit(error: msgspec.ValidationError, payload: bytes) -> Problem:
    """The field, its value and the rule out of a decoder's complaint."""
    text = str(error)
    found = _AT_PATH.search(text)
    path = found.group(1) if found else ""
    rule = _AT_PATH.sub("", text)
    missing = _MISSING.fullmatch(rule)
    if missing is not None:
        field = f"{path}.{missing.group(1)}" if path else missing.group(1)
        return Problem(field=printable(field), value="", rule="required", remedy="Add it.")
    return Problem(
        field=printable(path or "message"),
        value=printable(_value_at(payload, path)),
        rule=printable(rule),
        remedy="Compare it with the message's JSON Schema.",
    )


def _value_at(payload: bytes, path: str) -> Any:
    """The value that a decoder's path points at, or as near to it as can be found."""
    try:
        value = msgspec.json.decode(payload)
        for part in _PATH_PART.finditer(path):
            value = value[part.group(1)] if part.group(1) else value[int(part.group(2))]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
        return payload[:_SHOWN_BYTES_MAX]
    return value


def unknown_fields(raw: Any, known: Any, path: str = "") -> Problem | None:
    """The first field of a decoded message that decoding left out, since no such field exists.

    `known` is the decoded message as plain data: free maps (labels, headers, patches) come back whole in it.
    """
    if isinstance(raw, dict) and isinstance(known, dict):
        for name, value in raw.items():
            field = f"{path}.{name}" if path else name
            if name not in known:
                return _unknown(field, name, value, known)
            if (problem := unknown_fields(value, known[name], field)) is not None:
                return problem
    if isinstance(raw, list) and isinstance(known, list | tuple):
        for index, (value, kept) in enumerate(zip(raw, known, strict=True)):
            if (problem := unknown_fields(value, kept, f"{path}[{index}]")) is not None:
                return problem
    return None


def _unknown(field: str, name: str, value: Any, known: dict[str, Any]) -> Problem:
    names = sorted(set(known) - {"type"})
    alike = difflib.get_close_matches(name, names, n=1)
    remedy = f"Did you mean {alike[0]!r}?" if alike else f"The fields here are {', '.join(names)}."
    return Problem(field=printable(field), value=printable(value), rule="a known field", remedy=remedy)
