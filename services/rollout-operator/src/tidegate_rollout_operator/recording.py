"""Keeps a RolloutHistory of each release, where it is switched on: its pods step by step, its objects at its end.

Called by `reconcile`. A release of which nobody saw the begin has none, so that a deleted one does not come back.
A superseded release is closed with the pods that were seen: what the workload was is not there to be read any more.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import structlog

from tidegate_chassis.errors import Conflict, ConflictCause, Permanent
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import KubernetesObject, NotFound, ObjectMeta, decode
from tidegate_chassis.kubernetes.store import Key
from tidegate_rollout_operator.following import follow, keep_following
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.replacing import replace_parts
from tidegate_rollout_operator.rollout_history import (
    COMPLETED,
    ROLLOUT_HISTORIES,
    Kept,
    RolloutHistory,
    filled,
    labels_of,
    name_of,
    named,
    opened,
    steps_of,
    surplus,
)
from tidegate_rollout_operator.snapshots import Snapshots
from tidegate_rollout_operator.view import View

BY_ROLLOUT: Final = "rollout"

_log = structlog.get_logger(__name__)


def _rollouts_of(history: RolloutHistory) -> Iterator[str]:
    yield _key(history.metadata.namespace, history.spec.rollout.name)


def _key(namespace: str, name: str) -> str:
    return f"{namespace}/{name}"


class Recorder:
    """Args:
    client: Who reads and writes.
    kept_max: How many histories stay for each Rollout; 0: none are written.
    """

    def __init__(self, client: KubernetesClient, kept_max: int) -> None:
        self._client = client
        self._kept_max = kept_max
        self._snapshots = Snapshots(client)
        self._reflector = follow(client, ROLLOUT_HISTORIES, RolloutHistory, indexes={BY_ROLLOUT: _rollouts_of})

    @property
    def switched_on(self) -> bool:
        return self._kept_max > 0

    def subscribe(self, wake: Callable[[Key], None]) -> None:
        """Have the Rollout looked at whose history has just begun, or was named."""

        def changed(old: RolloutHistory | None, new: RolloutHistory | None) -> None:
            if new is not None and new.open and (old is None or old.spec != new.spec):
                wake((new.metadata.namespace, new.spec.rollout.name))

        self._reflector.subscribe(changed)

    async def run(self, wake_all: Callable[[], None]) -> None:
        await keep_following(self._reflector, wake_all)

    async def record(self, rollout: Rollout, view: View, release: str) -> None:
        """Brings the history of the newest release to where this view is. A conflict is one's cue to look again.

        Args:
            rollout: Whose it is.
            view: How far the release is.
            release: What the Rollout's status calls it; empty while that can't be told.
        """
        if not self.switched_on or not self._reflector.synced or not view.rollout:
            return
        try:
            await self._record(rollout, view, release, self._standing(rollout))
        except Permanent as error:
            # It is for eyes: the Rollout itself goes on without it.
            _log.warning("a history could not be written", rollout=rollout.metadata.name, reason=error.reason)

    def _standing(self, rollout: Rollout) -> Sequence[RolloutHistory]:
        key = _key(rollout.metadata.namespace, rollout.metadata.name)
        return self._reflector.store.by_index(BY_ROLLOUT, key)

    async def _record(self, rollout: Rollout, view: View, release: str, standing: Sequence[RolloutHistory]) -> None:
        name = name_of(rollout, view.rollout)
        ours = next((each for each in standing if each.metadata.name == name), None)
        if ours is None and view.active and release:
            await self._open(rollout, opened(rollout, view.rollout, release))
        elif ours is not None and ours.open and view.active:
            await self._go_on(rollout, view, release, ours)
        elif ours is not None and ours.open:
            await self._close(rollout, ours, release, await self._snapshots.kept(rollout))
        for each in standing:
            if each.open and each.metadata.name != name:
                await self._close(rollout, each, "", Kept())
        for each in surplus(standing, self._kept_max):
            await self._remove(each)

    async def _open(self, rollout: Rollout, body: dict[str, Any]) -> None:
        try:
            await self._client.create(
                ROLLOUT_HISTORIES, rollout.metadata.namespace, body, name=body["metadata"]["name"]
            )
        except Conflict as error:
            if error.cause is not ConflictCause.EXISTS:
                raise

    async def _go_on(self, rollout: Rollout, view: View, release: str, ours: RolloutHistory) -> None:
        """A release that was asked for by an event is named only when its change has been made."""
        if release and release != ours.spec.rollout.rollout_id:
            await self._patch(ours.metadata, _parts(rollout, release, named(rollout, release)))
        else:
            await self._step(rollout, view, ours)

    async def _step(self, rollout: Rollout, view: View, ours: RolloutHistory) -> None:
        """The pods of a step as soon as they are ready: in a style with pods beside they are gone at the end."""
        if view.ready_at_s is None or view.step in ours.steps:
            return
        told = await self._steps(rollout, ours)
        if any(each["canaryStepIndex"] == view.step for each in told):
            await self._patch(ours.metadata, {"/status": {"phase": ours.status.phase, "canarySteps": told}})

    async def _close(self, rollout: Rollout, ours: RolloutHistory, release: str, kept: Kept) -> None:
        last = release or ours.spec.rollout.rollout_id
        written = await self._patch(ours.metadata, _parts(rollout, last, filled(rollout, last, kept)))
        if written is not None:
            told = await self._steps(rollout, ours)
            await self._patch(written, {"/status": {"phase": COMPLETED, "canarySteps": told}})

    async def _steps(self, rollout: Rollout, ours: RolloutHistory) -> list[dict[str, Any]]:
        workload = await self._snapshots.workload(rollout)
        pods = await self._snapshots.pods(rollout, workload, ours.identity)
        return steps_of(pods, ours.status.canary_steps)

    async def _patch(self, standing: ObjectMeta, parts: dict[str, Any]) -> ObjectMeta | None:
        """None where it is gone."""
        answer = await replace_parts(self._client, ROLLOUT_HISTORIES, standing, parts)
        return None if isinstance(answer, NotFound) else decode(answer, KubernetesObject).metadata

    async def _remove(self, surplus: RolloutHistory) -> None:
        metadata = surplus.metadata
        await self._client.delete(ROLLOUT_HISTORIES, metadata.namespace, metadata.name, uid=metadata.uid)


def _parts(rollout: Rollout, release: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"/spec": spec, "/metadata/labels": labels_of(rollout, release)}
