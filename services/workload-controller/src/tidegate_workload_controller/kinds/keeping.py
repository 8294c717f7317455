"""Whether a custom resource keeps the fields that hold it: its schema drops what it doesn't know without a word.

Such a hold would hold nothing, and all pods would be new at once. `preparing` asks, with the API server's answer to a
patch that was only tried.
"""

from typing import Any

import msgspec

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.objects import decode
from tidegate_contracts.problem import printable
from tidegate_workload_controller.hold import Fields


class _Whole(msgspec.Struct, frozen=True):
    spec: dict[str, Any] = {}


def ensure_kept(held: Fields, answer: bytes, kind: str) -> None:
    """Args:
    held: What was tried.
    answer: The workload as it would be then.
    kind: The workload's, for people.

    Raises:
        Permanent: Something of it is missing.
    """
    spec = decode(answer, _Whole).spec
    for name, value in held.items():
        if not _contains(spec.get(name), value):
            raise Permanent(
                f"{kind} knows no such {name}",
                code="hold-dropped",
                field=f"workload.spec.{name}",
                value=printable(_written(spec.get(name))),
                rule=f"{kind} keeps {_written(value)} in it",
                remedy="A kind that is not like a StatefulSet needs a plugin.",
            )


def _contains(kept: Any, value: Any) -> bool:
    if isinstance(value, dict):
        return isinstance(kept, dict) and all(_contains(kept.get(name), each) for name, each in value.items())
    return bool(kept == value)


def _written(value: Any) -> str:
    return msgspec.json.encode(value).decode() if value else "none"
