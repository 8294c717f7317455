"""Names as people write them, and the same names as tokens of a subject.

A Kubernetes name may hold dots, which separate tokens on the bus, and never holds underscores: a dot becomes
an underscore, and back. A name becomes a token only after it was validated, so that `*`, `>`, blanks and
control characters can't reach a subject. Used by `subjects` and `validate`.
"""

import re
from typing import Final

from tidegate_contracts.limits import API_VERSION_LENGTH_MAX, LABEL_LENGTH_MAX, NAME_LENGTH_MAX

_LABEL: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_SUBDOMAIN: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_KIND: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,62}", re.ASCII)
_KEY: Final = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_VERSION: Final = re.compile(r"v[0-9]+(?:(?:alpha|beta)[0-9]+)?", re.ASCII)

LABEL_RULE: Final = (
    "a DNS label: lower-case letters, digits and '-', at most 63, starting and ending with a letter or digit"
)
NAME_RULE: Final = "a DNS subdomain: lower-case letters, digits, '-' and '.', at most 253"
KIND_RULE: Final = "a Kubernetes kind, such as Deployment"
KEY_RULE: Final = (
    "a qualified name: at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit, "
    "perhaps after a DNS subdomain and '/'"
)
LABEL_VALUE_RULE: Final = "empty, or at most 63 letters, digits, '-', '_' and '.', starting and ending as a word"
API_VERSION_RULE: Final = "a Kubernetes API version, such as apps/v1"


def is_label(text: str) -> bool:
    return len(text) <= LABEL_LENGTH_MAX and _LABEL.fullmatch(text) is not None


def is_name(text: str) -> bool:
    return len(text) <= NAME_LENGTH_MAX and _SUBDOMAIN.fullmatch(text) is not None


def is_kind(text: str) -> bool:
    return _KIND.fullmatch(text) is not None


def is_api_version(text: str) -> bool:
    group, slash, version = text.rpartition("/")
    return (
        len(text) <= API_VERSION_LENGTH_MAX
        and _VERSION.fullmatch(version) is not None
        and (not slash or _SUBDOMAIN.fullmatch(group) is not None)
    )


def is_key(text: str) -> bool:
    """Whether it names a label or an annotation of a Kubernetes object."""
    prefix, slash, name = text.rpartition("/")
    return _KEY.fullmatch(name) is not None and (not slash or is_name(prefix))


def is_label_value(text: str) -> bool:
    return not text or _KEY.fullmatch(text) is not None


def is_visible(text: str) -> bool:
    """Whether the text is ASCII that can be seen: no blanks, no control characters."""
    return text.isascii() and text.isprintable() and " " not in text


def baseline_name(workload: str) -> str:
    """What the fresh baseline beside a workload is called; its pods' names begin with it, and a hyphen."""
    return f"{workload}-baseline"


def to_token(name: str) -> str:
    """A validated name as one subject token.

    Raises:
        ValueError: the text is not a Kubernetes name; it must be validated before it gets here.
    """
    if not is_name(name):
        raise ValueError(f"{name!r} can't be a subject token: it must be {NAME_RULE}")
    return name.replace(".", "_")


def from_token(token: str) -> str:
    """The name that a token stands for; subjects are written by others, so it is checked again.

    Raises:
        ValueError: no validated name becomes this token.
    """
    name = token.replace("_", ".")
    if "." in token or not is_name(name):
        raise ValueError(f"{token!r} is no name's token: the name must be {NAME_RULE}")
    return name
