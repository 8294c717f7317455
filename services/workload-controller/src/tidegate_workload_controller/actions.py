"""What a decision asks for: writes, facts, and how long to wait. Plain data, so that decisions can be tested alone.

Made by `convergence`, `beside`, `returning`, `promotion`, `release`, `around` and `baseline`; carried out in order by
`holder`.
"""

from typing import Any, Generic, TypeVar

import msgspec

from tidegate_contracts.facts import PodCounts, WorkloadFact
from tidegate_contracts.orders import ApplyBatch
from tidegate_contracts.rollout import Change
from tidegate_workload_controller.autoscalers import Autoscaler

Memory = TypeVar("Memory")


class Patch(msgspec.Struct, frozen=True):
    """Fields of the workload as they should be, on exactly what was looked at."""

    body: dict[str, Any]


class Touch(msgspec.Struct, frozen=True):
    """The first patch of a rollout: the change itself together with the hold.

    It is made only if the template that comes out has this digest, since that is the one that was approved.
    """

    body: dict[str, Any]
    change: Change | None
    template_digest: str


class PutBack(msgspec.Struct, frozen=True):
    """A patch that also gives the workload a revision's template back."""

    body: dict[str, Any]
    revision: str


class LabelPods(msgspec.Struct, frozen=True):
    """Labels for the pods of a batch, by name and uid: a namesake is left alone."""

    pods: tuple[tuple[str, str], ...]
    batch: int
    labels: dict[str, str]


class DeletePods(msgspec.Struct, frozen=True):
    """Pods, by name and uid, for the native controller to make anew: only where it won't by itself."""

    pods: tuple[tuple[str, str], ...]


class MakeBeside(msgspec.Struct, frozen=True):
    """The workload beside: made, or made again, as the order's version.

    It is made only if the template that comes out, without what is added to it, has the order's digest. `marks` is a
    patch of the workload itself that comes first, where it isn't marked yet.
    """

    order: ApplyBatch
    replicas: int
    marks: dict[str, Any] | None = None


class ScaleBeside(msgspec.Struct, frozen=True):
    """How many pods the workload beside has."""

    order: ApplyBatch
    replicas: int


class RemoveBeside(msgspec.Struct, frozen=True):
    """The workload beside, with its pods."""


class MakeBaseline(msgspec.Struct, frozen=True):
    """So many pods of the stable revision, in a ReplicaSet of their own."""

    order: ApplyBatch
    pods: int


class ScaleBaseline(msgspec.Struct, frozen=True):
    """How many pods the baseline has."""

    pods: int


class RemoveBaseline(msgspec.Struct, frozen=True):
    """The baseline, with its pods."""


class HoldOff(msgspec.Struct, frozen=True):
    """Autoscalers, as they were seen, that are not to scale while the rollout holds the workload."""

    autoscalers: tuple[Autoscaler, ...]
    rollout: str


class LetScale(msgspec.Struct, frozen=True):
    """Autoscalers, as they were seen, that scale again as their user wants."""

    autoscalers: tuple[Autoscaler, ...]


class Disown(msgspec.Struct, frozen=True):
    """Take our name off the workload's fields: entries of its managed fields, by their place."""

    entries: tuple[int, ...]


class Report(msgspec.Struct, frozen=True):
    fact: WorkloadFact


OnWorkload = Patch | Touch | PutBack | LabelPods | DeletePods | Disown
OnBeside = MakeBeside | ScaleBeside | RemoveBeside
OnBaseline = MakeBaseline | ScaleBaseline | RemoveBaseline
OnAutoscalers = HoldOff | LetScale
Action = OnWorkload | OnBeside | OnBaseline | OnAutoscalers | Report


class Progress(msgspec.Struct, frozen=True):
    """For eyes only: what is there, and what is waited for."""

    target_pods: int
    counts: PodCounts
    waiting_for: str = ""


class Decision(msgspec.Struct, Generic[Memory], frozen=True):
    """What to do now, in this order, and when to look again at the latest.

    `look_live` asks to be called again with a live view before anything else; `done` ends the order.
    """

    memory: Memory
    actions: tuple[Action, ...] = ()
    look_live: bool = False
    until_s: float | None = None
    progress: Progress | None = None
    done: bool = False
