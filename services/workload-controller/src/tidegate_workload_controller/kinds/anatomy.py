"""What a kind of workload is made of, as data: which objects belong to it, and how it is held in each style.

Given by the modules of the kinds; read by `reading`, `writing`, `preparing` and `held`, which know no kind.
"""

from collections.abc import Mapping

import msgspec

from tidegate_chassis.kubernetes.resources import CONTROLLER_REVISIONS, Resource
from tidegate_workload_controller.hold import Hold
from tidegate_workload_controller.marks import REVISION_HASH


class Beside(msgspec.Struct, frozen=True):
    """How new pods come beside a workload, in an extra one of the same kind.

    Args:
        styles: Those in which they do.
        not_copied: Fields of the workload's `spec` that the extra one has its kind's defaults for.
    """

    styles: tuple[str, ...]
    not_copied: tuple[str, ...]


class Anatomy(msgspec.Struct, frozen=True):
    """Args:
    resource: The workload's own.
    holds: How it is held, by style; "partition" also knows the user's own values for all others.
    beside: How new pods come beside it, for the styles in which they do.
    revisions: The objects that keep its templates.
    revision_label: The label by which its pods tell their revision.
    merges_strategically: Whether the API server knows how to merge its lists; it does for its own kinds only.
    """

    resource: Resource
    holds: Mapping[str, Hold]
    beside: Beside | None = None
    revisions: Resource = CONTROLLER_REVISIONS
    revision_label: str = REVISION_HASH
    merges_strategically: bool = True

    def is_beside(self, style: str) -> bool:
        return self.beside is not None and style in self.beside.styles

    def hold(self, style: str) -> Hold:
        return self.holds.get(style) or self.holds["partition"]

    @property
    def styles(self) -> tuple[str, ...]:
        return (*self.holds, *(self.beside.styles if self.beside is not None else ()))
