"""The user's own strategy, kept on the workload while it is held, and given back field by field.

Pure. What was absent is absent again afterwards, and the API server puts its default where it always puts one.
"""

from typing import Any

import msgspec

from tidegate_workload_controller.budgets import NATIVE_DEFAULT, Amount, Budget, Room
from tidegate_workload_controller.marks import SAVED_STRATEGY
from tidegate_workload_controller.seen import Deployment

ROLLING = "RollingUpdate"
RECREATE = "Recreate"


class Saved(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The fields that the hold needs for itself; None where the user's Deployment hadn't got them."""

    strategy: dict[str, Any] = {}
    min_ready_seconds: int | None = None
    progress_deadline_seconds: int | None = None
    paused: bool | None = None

    @property
    def recreates(self) -> bool:
        return self.strategy.get("type") == RECREATE

    @property
    def min_ready_s(self) -> int:
        return self.min_ready_seconds or 0

    @property
    def budget(self) -> Budget:
        """The user's own limits; a quarter both ways for a workload that has none, since it recreates."""
        return budget_of(self.strategy)

    def limits(self, replicas: int) -> Room:
        return self.budget.room(replicas)


def save(deployment: Deployment) -> Saved:
    spec = deployment.spec
    return Saved(
        strategy=spec.strategy,
        min_ready_seconds=spec.min_ready_seconds,
        progress_deadline_seconds=spec.progress_deadline_seconds,
        paused=spec.paused,
    )


def saved_on(deployment: Deployment) -> Saved | None:
    """What was saved on the workload; None where nothing was, or somebody made it unreadable."""
    mark = deployment.metadata.annotations.get(SAVED_STRATEGY)
    if mark is None:
        return None
    try:
        return msgspec.json.decode(mark, type=Saved)
    except msgspec.MsgspecError:
        return None


def encode(saved: Saved) -> str:
    return msgspec.json.encode(saved).decode()


def own_values(saved: Saved) -> dict[str, Any]:
    """The fields of `spec` that give everything back; None for what was absent."""
    return {
        "strategy": saved.strategy or None,
        "minReadySeconds": saved.min_ready_seconds,
        "progressDeadlineSeconds": saved.progress_deadline_seconds,
        "paused": saved.paused,
    }


def moving_values(saved: Saved) -> dict[str, Any]:
    """The same, but free to move within the user's limits: neither paused nor recreating."""
    budget = saved.budget
    rolling = {"maxSurge": budget.surge, "maxUnavailable": budget.unavailable}
    strategy = {"type": ROLLING, "rollingUpdate": rolling}
    return {**own_values(saved), "strategy": strategy, "paused": None}


def budget_of(strategy: dict[str, Any]) -> Budget:
    rolling = strategy.get("rollingUpdate") or {}
    return Budget(
        _amount(rolling.get("maxSurge"), NATIVE_DEFAULT.surge),
        _amount(rolling.get("maxUnavailable"), NATIVE_DEFAULT.unavailable),
    )


def _amount(value: Any, default: Amount) -> Amount:
    if isinstance(value, bool):
        return default
    if isinstance(value, int):
        return value
    return value if isinstance(value, str) and value.removesuffix("%").isdecimal() else default
