"""The revision that Kruise's users and tools read of a Deployment: a hash of its pod template as Go holds it in memory.

Called by `revisions`. It is FNV-1a, 32 bits, over the text that `go_dump` makes; not the ReplicaSet's
`pod-template-hash`, which is made alike, but of the API server's own types. The table is read once, at the start.
"""

from importlib import resources
from typing import Any, Final

import msgspec

from tidegate_rollout_operator.go_dump import Type, UndumpableError, dumped
from tidegate_rollout_operator.go_safe import safe_encoded

__all__ = ["UndumpableError", "template_hash"]

OFFSET: Final = 0x811C9DC5
PRIME: Final = 0x01000193
BITS: Final = 0xFFFFFFFF
_TABLE: Final = resources.files(__package__).joinpath("pod_template_types.json").read_bytes()
TYPES: Final = msgspec.json.decode(_TABLE, type=tuple[Type, ...])


def template_hash(template: dict[str, Any]) -> str:
    """Raises `UndumpableError` for a template that no API server holds."""
    return safe_encoded(str(_fnv_1a(dumped(TYPES, template).encode())))


def _fnv_1a(data: bytes) -> int:
    found = OFFSET
    for byte in data:
        found = ((found ^ byte) * PRIME) & BITS
    return found
