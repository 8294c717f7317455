"""Keeps the BatchRelease of each release under way: made, written over where it differs, and taken away at its end.

Called by `reconcile` after the Rollout's own status. It is for eyes: it steers nothing, nothing depends on it, and in a
cluster without the kind (`crds/batchreleases.yaml` was left out) nothing is mirrored. What Kruise's own controller, or
a person, made under the name is left alone.
"""

from collections.abc import Callable

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.store import Key
from tidegate_rollout_operator.batch_release import (
    BATCH_RELEASES,
    KRUISES_FINALIZER,
    BatchRelease,
    Json,
    Versions,
    manifest,
    spec_of,
    status_of,
)
from tidegate_rollout_operator.following import follow, keep_following
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.replacing import replace_parts
from tidegate_rollout_operator.view import View


class Mirror:
    """Args:
    client: Who writes.
    """

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client
        self._reflector = follow(client, BATCH_RELEASES, BatchRelease)

    async def run(self, wake_all: Callable[[], None]) -> None:
        await keep_following(self._reflector, wake_all)

    def subscribe(self, wake: Callable[[Key], None]) -> None:
        """Have the Rollout looked at whose mirror was changed: what a person wrote into it is written over."""

        def changed(old: BatchRelease | None, new: BatchRelease | None) -> None:
            found = new or old
            if found is not None:
                wake(found.metadata.key)

        self._reflector.subscribe(changed)

    def standing(self, rollout: Rollout) -> BatchRelease | None:
        """To be asked for before the history is read: a write of a copy that knew more then counts as a conflict."""
        return self._reflector.store.get(*rollout.metadata.key)

    async def show(self, rollout: Rollout, view: View, versions: Versions, standing: BatchRelease | None) -> None:
        """Makes the mirror tell of this view. Errors as of a write; a conflict is one's cue to look again."""
        if not self._reflector.synced or (standing is not None and not _ours(standing, rollout)):
            return
        spec = spec_of(view, versions)
        if spec is not None:
            await self._tell(rollout, standing, spec, lambda generation: status_of(view, versions, spec, generation))
        elif standing is not None and not standing.leaving:
            await self._remove(standing)

    async def _tell(
        self, rollout: Rollout, standing: BatchRelease | None, spec: Json, status_at: Callable[[int], Json]
    ) -> None:
        if standing is None:
            made = await self._client.create(
                BATCH_RELEASES, rollout.metadata.namespace, manifest(rollout, spec), name=rollout.metadata.name
            )
            standing = decode(made, BatchRelease)
        written = standing if standing.spec == spec else await self._write(standing, "/spec", spec)
        if written is None:
            return
        status = status_at(written.metadata.generation)
        if written.status != status:
            await self._write(written, "/status", status)

    async def _write(self, standing: BatchRelease, path: str, value: Json) -> BatchRelease | None:
        """None where it is gone, which wakes us again."""
        answer = await replace_parts(self._client, BATCH_RELEASES, standing.metadata, {path: value})
        return None if isinstance(answer, NotFound) else decode(answer, BatchRelease)

    async def _remove(self, standing: BatchRelease) -> None:
        metadata = standing.metadata
        await self._client.delete(
            BATCH_RELEASES,
            metadata.namespace,
            metadata.name,
            uid=metadata.uid,
            resource_version=metadata.resource_version,
        )


def _ours(standing: BatchRelease, rollout: Rollout) -> bool:
    metadata = standing.metadata
    return metadata.controller_uid == rollout.metadata.uid and KRUISES_FINALIZER not in metadata.finalizers
