"""What a template's arguments stand for: its own values, the request's, and secrets, which are only named. Pure.

Called by `assembling`. A secret's value never gets here: a text of the form `${secret:NAME/KEY}` stands for it, and
the door to the outside world puts the value in its place at the last moment.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tidegate_contracts.problem import Problem, problem
from tidegate_metrics_analyzer.argo.quirks import Reading
from tidegate_metrics_analyzer.argo.template import Argument, SecretKeyReference

_TAG: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_OPEN: Final = "{{"
STANDS_FOR_A_SECRET: Final = "${secret:"  # noqa: S105 - the start of a name, as `outbound.secrets` reads it
_SECTION: Final = re.compile(r"[.\[\]]+")
_SUBSCRIPT: Final = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]")


def resolve(declared: Iterable[Argument], given: Mapping[str, str], reading: Reading) -> dict[str, str] | Problem:
    """A text for each declared argument; values given for others are left alone, as Argo leaves them."""
    texts: dict[str, str] = {}
    for argument in declared:
        value = given.get(argument.name, argument.value)
        if value is not None and STANDS_FOR_A_SECRET in value:
            remedy = "Declare the argument with valueFrom.secretKeyRef in the template."
            return problem(f"args.{argument.name}", "a secret's name", "a value that names no secret", remedy)
        if argument.secret is not None and (value is None or reading.secrets_win):
            value = _named(argument.secret)
        if value is None:
            remedy = "Give it a value in the request, or a default in the template."
            return problem(f"args.{argument.name}", "", "an argument that has a value", remedy)
        texts[argument.name] = value
    return texts


def _named(secret: SecretKeyReference) -> str:
    return STANDS_FOR_A_SECRET + f"{secret.name}/{secret.key}}}"


class Unresolved(Exception):  # noqa: N818 - it is an answer about a text, turned into a problem at once
    """A tag that stands for nothing, or isn't closed."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


def filled(value: Any, texts: Mapping[str, str]) -> Any:
    """The value with every `{{args.name}}` in any of its strings replaced, keys included.

    Raises:
        Unresolved: there is a tag that no argument stands behind.
    """
    if isinstance(value, str):
        return _filled(value, texts)
    if isinstance(value, dict):
        return {_filled(key, texts): filled(item, texts) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, texts) for item in value]
    return value


def _filled(text: str, texts: Mapping[str, str]) -> str:
    def text_of(tag: re.Match[str]) -> str:
        name = tag.group(1).strip()
        argument = name.removeprefix("args.")
        if argument == name or argument not in texts:
            raise Unresolved(tag.group())
        return texts[argument]

    if _OPEN in _TAG.sub("", text):
        raise Unresolved(text[text.rindex(_OPEN) :][:40])
    return _TAG.sub(text_of, text)


def field_of(workload: Any, path: str) -> str | None:
    """A field of an object as text; None where there is none, or where it is more than one value."""
    subscript = _SUBSCRIPT.fullmatch(path)
    sections = ["metadata", *subscript.groups()] if subscript else [part for part in _SECTION.split(path) if part]
    found = workload
    for section in sections:
        if isinstance(found, dict):
            found = found.get(section)
        elif isinstance(found, list) and section.isascii() and section.isdigit() and int(section) < len(found):
            found = found[int(section)]
        else:
            return None
    return _as_text(found)


def _as_text(value: Any) -> str | None:
    """As Go prints it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None
