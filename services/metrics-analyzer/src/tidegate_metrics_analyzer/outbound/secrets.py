"""Secrets that a query only names: read from mounted files at the last moment, never kept, never shown.

Called by `door`. A reference `${secret:NAME/KEY}` stands for the file `<directory>/<namespace>/NAME/KEY`, in the
rollout's own namespace only: mounting a Secret there is what lets that namespace's analyses use it. So the analyzer
needs no rights on Secrets, and a query in an event shows the reference.
"""

import re
from pathlib import Path
from typing import Final, NamedTuple

from tidegate_contracts import names

SECRET_BYTES_MAX: Final = 8192

_REFERENCE: Final = re.compile(r"\$\{secret:([^}]*)\}")
_KEY: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}", re.ASCII)


class Filled(NamedTuple):
    text: str
    secrets: tuple[str, ...]
    """Those that were put in."""


def has_reference(text: str) -> bool:
    return "${secret:" in text


def fault(text: str) -> str | None:
    """What is wrong with the references in a text, whatever is mounted."""
    remainder = _REFERENCE.sub("", text)
    if has_reference(remainder) or not all(_is_reference(found) for found in _REFERENCE.findall(text)):
        return "a secret is referred to as ${secret:NAME/KEY}"
    return None


def filled(text: str, namespace: str, directory: Path | None) -> Filled:
    """The text with its references replaced.

    Raises:
        ValueError: a secret is not there, or not fit to be used; the message holds its name only.
    """
    if not has_reference(text):
        return Filled(text, ())
    if reason := fault(text):
        raise ValueError(reason)
    secrets = {name: _read(name, namespace, directory) for name in _REFERENCE.findall(text)}
    return Filled(_REFERENCE.sub(lambda found: secrets[found.group(1)], text), tuple(secrets.values()))


def read_file(path: Path, what: str) -> str:
    """A mounted secret, without the line end that editors leave.

    Raises:
        ValueError: it can't be read, is empty, too long, or holds what no header may.
    """
    try:
        with path.open("rb") as file:
            text = file.read(SECRET_BYTES_MAX + 1).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{what} can't be read: {type(error).__name__}") from None
    if not text or len(text) > SECRET_BYTES_MAX or not text.isprintable():
        raise ValueError(f"{what} is empty, too long or not printable")
    return text


def _is_reference(text: str) -> bool:
    name, slash, key = text.partition("/")
    return bool(slash) and names.is_name(name) and _KEY.fullmatch(key) is not None


def _read(reference: str, namespace: str, directory: Path | None) -> str:
    if directory is None:
        raise ValueError("no secrets are mounted (TIDEGATE_SECRETS_DIRECTORY)")
    if not names.is_label(namespace):
        raise ValueError("secrets belong to a namespace, and this question has none")
    name, _, key = reference.partition("/")
    return read_file(directory / namespace / name / key, f"the secret {reference} of the namespace {namespace}")
