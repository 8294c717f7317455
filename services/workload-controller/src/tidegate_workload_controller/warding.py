"""One guarded workload in our care: its held change becomes a rollout, and what slipped past admission is held late.

Started by `wards` for each guard, in every copy of the service: what copies say twice has the same id, and what they
write twice meets the generation that the first one raised. The template that stands rightly is told by the label
`marks.GUARDED`, which every write of ours keeps; another template without the mark of a held change has slipped past.
"""

import asyncio
from typing import Final

import structlog

from tidegate_chassis.clock import Clock
from tidegate_chassis.errors import Conflict, OperatingError
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.publish import Asking
from tidegate_contracts.controls import RollBack
from tidegate_contracts.guards import BY_THE_GUARD, GuardSet
from tidegate_contracts.workload import WorkloadKey
from tidegate_workload_controller import held_change, kruises_hold, marks, patches
from tidegate_workload_controller.held_change import Ask, GoBack, Step, Write
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.looking import Looking
from tidegate_workload_controller.kinds.reading import raw_template
from tidegate_workload_controller.releases import release_part, standing_on, template_part
from tidegate_workload_controller.seen import View, Workload
from tidegate_workload_controller.template import digest

RETRY_S: Final = 1.0
CONFLICT_RETRY_S: Final = 0.05

_log = structlog.get_logger(__name__)


class Ward:
    """Args:
    client: How to reach the API server.
    anatomy: What the workload's kind is made of.
    key: Which workload.
    asking: Where requests and controls go.
    clock: The time.
    """

    def __init__(
        self, client: KubernetesClient, anatomy: Anatomy, key: WorkloadKey, asking: Asking, clock: Clock
    ) -> None:
        self._client = client
        self._anatomy = anatomy
        self._key = key
        self._asking = asking
        self._clock = clock
        self._changed = asyncio.Event()
        self._looking = Looking(client, anatomy, key.namespace, key.name, lambda _namespace, _name: None)
        self._settled = ("", 0)
        """Uid and generation in which nothing is left to do."""

    def wake(self) -> None:
        """The workload was seen to change."""
        self._changed.set()

    async def keep(self, guard: GuardSet, workloads: Reflector[Workload]) -> None:
        """Until it is cancelled.

        Args:
            guard: What is wished for.
            workloads: The cluster's workloads of this kind; whoever follows them wakes us.
        """
        await workloads.wait_synced()
        while True:
            self._changed.clear()
            seen = workloads.store.get(self._key.namespace, self._key.name)
            if seen is None or self._is_settled(seen) or await self._settled_with(guard):
                await self._changed.wait()

    async def leave(self) -> None:
        """The guard was removed: nothing of it stays on the workload."""
        while not await self._settled_with(None):
            continue

    def _is_settled(self, seen: Workload) -> bool:
        """Whether this was dealt with; a cache may lag behind what was read live."""
        uid, generation = self._settled
        same = seen.metadata.uid == uid and seen.metadata.generation <= generation
        return same and marks.GUARDED in seen.metadata.labels

    async def _settled_with(self, guard: GuardSet | None) -> bool:
        """Does what is to be done; False where it has to be tried again, after a while that is over then."""
        try:
            await self._settle(guard)
        except Conflict as error:
            _log.info("a guarded workload changed meanwhile", workload=str(self._key), reason=error.reason)
            await self._clock.sleep(CONFLICT_RETRY_S)
        except OperatingError as error:
            _log.warning("a guarded workload could not be looked after", workload=str(self._key), reason=error.reason)
            await self._clock.sleep(RETRY_S)
        else:
            return True
        return False

    async def _settle(self, guard: GuardSet | None) -> None:
        answer = await self._client.get(self._anatomy.resource, self._key.namespace, self._key.name)
        if isinstance(answer, NotFound):
            return
        workload = decode(answer, Workload)
        if guard is not None and (mark := kruises_hold.mark_of(workload)) is not None:
            # Looked at again when it is taken off: that is a change that is seen.
            _log.warning("a workload is not guarded yet: Kruise holds it", workload=str(self._key), mark=mark)
            return
        if guard is not None and _stands(workload, answer, guard):
            self._settled = _stamp(workload)
            return
        style = guard.request.style if guard is not None else "partition"
        view = await self._looking.look_live(self._anatomy.hold(style))
        if view is not None:
            step = held_change.decide(view, guard) if guard is not None else held_change.leave(view)
            await self._carry_out(step, view)
            self._settled = _stamp(view.workload)

    async def _carry_out(self, step: Step, view: View) -> None:
        match step:
            case Ask(request=request):
                _log.info("a held change is to be rolled out", workload=str(self._key), rollout=request.rollout)
                await self._asking.request(self._key, request)
            case GoBack(rollout=rollout, attempt=attempt, reason=reason, body=body):
                _log.info("a held change leads back", workload=str(self._key), rollout=rollout)
                await self._asking.control(
                    self._key, rollout, RollBack(by=BY_THE_GUARD, reason=reason), id=f"g-{attempt}"
                )
                if body is not None:
                    await self._write(patches.operations(body, view.workload))
            case Write(body=body, reason=reason):
                await self._write(patches.operations(body, view.workload))
                _log.info("a guarded workload was written", workload=str(self._key), reason=reason)

    async def _write(self, operations: list[patches.Body]) -> None:
        resource, namespace, name = self._anatomy.resource, self._key.namespace, self._key.name
        await self._client.patch(resource, namespace, name, operations, style=PatchStyle.JSON)


def _stands(workload: Workload, answer: bytes, guard: GuardSet) -> bool:
    """Whether the template is the one that stands rightly, and no change waits."""
    metadata, standing = workload.metadata, standing_on(workload.metadata)
    if standing is None or marks.HELD in metadata.annotations:
        return False
    named = standing.release == release_part(metadata, guard) or marks.ROLLOUT not in metadata.annotations
    return named and standing.template == template_part(digest(raw_template(answer)))


def _stamp(workload: Workload) -> tuple[str, int]:
    return workload.metadata.uid, workload.metadata.generation
