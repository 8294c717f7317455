"""Who wrote over our part: the owner of the very fields, as the API server keeps it. Pure.

Asked by `services` and routers about an object that was just read.
"""

from typing import Any

from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.ownership import Owned, owner
from tidegate_traffic_shifter.marks import FIELD_MANAGER

NOBODY = "unknown"
"""Of fields that were taken away, or that nobody but us has written."""


def editor(answer: bytes, fields: dict[str, Any]) -> str:
    """Args:
    answer: The object.
    fields: Where it is not as we wrote it, as a merge patch says it.
    """
    return owner(decode(answer, Owned).metadata.managed_fields, fields, other_than=FIELD_MANAGER) or NOBODY
