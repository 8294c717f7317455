"""What a kind of workload is made of, as data: which objects belong to it, and how it is held in each style.

Given by the modules of the kinds; read by `reading`, `writing`, `preparing` and `held`, which know no kind.
"""

from collections.abc import Mapping

import msgspec

from tidegate_chassis.kubernetes.resources import CONTROLLER_REVISIONS, Resource
from tidegate_workload_controller.hold import Hold
from tidegate_workload_controller.marks import REVISION_HASH


class Anatomy(msgspec.Struct, frozen=True):
    """Args:
    resource: The workload's own.
    holds: How it is held, by style.
    revisions: The objects that keep its templates.
    revision_label: The label by which its pods tell their revision.
    merges_strategically: Whether the API server knows how to merge its lists; it does for its own kinds only.
    """

    resource: Resource
    holds: Mapping[str, Hold]
    revisions: Resource = CONTROLLER_REVISIONS
    revision_label: str = REVISION_HASH
    merges_strategically: bool = True
