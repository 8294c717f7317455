import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from support.kruise_rollouts import rollout

from tidegate_chassis.errors import Conflict, OperatingError, Transient
from tidegate_chassis.kubernetes.store import Store
from tidegate_contracts import subjects
from tidegate_contracts.workload import WorkloadKey
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.loop import Loop
from tidegate_rollout_operator.rollouts import BY_WORKLOAD, Rollouts, workloads_of

KEY = ("shop", "web")
WORKLOAD = WorkloadKey("default", "shop", "deployment.apps", "web")
WITHIN_S = 5.0


class Watched:
    """In the place of a reflector: what is put into it is there, and told."""

    def __init__(self) -> None:
        self.store: Store[Rollout] = Store({BY_WORKLOAD: workloads_of})
        self._handlers: list[Callable[[Any, Any], None]] = []

    def subscribe(self, handler: Callable[[Any, Any], None]) -> None:
        self._handlers.append(handler)

    async def wait_synced(self) -> None:
        """It is."""

    def put(self, new: Rollout) -> None:
        change = self.store.put(new)
        for handler in self._handlers if change is not None else ():
            handler(change.old, change.new)

    def remove(self, gone: Rollout) -> None:
        self.store.remove(gone.metadata.key)
        for handler in self._handlers:
            handler(gone, None)


class Noting:
    """In the place of the reconciler: notes the versions that it was shown, and fails as it is told."""

    def __init__(self, *errors: OperatingError) -> None:
        self.versions: list[str] = []
        self.forgotten: list[WorkloadKey] = []
        self.at_once = 0
        self.most_at_once = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self._errors = [*errors]
        self._noted = asyncio.Condition()

    async def reconcile(self, shown: Rollout) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        async with self._noted:
            self.versions.append(shown.metadata.resource_version)
            self._noted.notify_all()
        await self.go_on.wait()
        self.at_once -= 1
        if self._errors:
            raise self._errors.pop(0)

    def forget(self, key: WorkloadKey) -> None:
        self.forgotten.append(key)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(WITHIN_S), self._noted:
            await self._noted.wait_for(lambda: len(self.versions) >= count)


def version(number: int) -> Rollout:
    return rollout(metadata={"resourceVersion": str(number)})


@asynccontextmanager
async def looping(noting: Noting) -> AsyncIterator[tuple[Watched, Loop]]:
    watched: Any = Watched()
    loop = Loop(Rollouts(watched, "default"), watched, noting)  # type: ignore[arg-type]
    running = asyncio.create_task(loop.run())
    try:
        yield watched, loop
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_change_wakes_and_so_does_an_event_of_the_workload() -> None:
    noting = Noting()
    async with looping(noting) as (watched, loop):
        watched.put(version(1))
        await noting.until(1)
        await loop.heard(subjects.event(WORKLOAD, "g-1", "orchestrator", "rollout.accepted.v1"))
        await noting.until(2)
        other = WORKLOAD._replace(name="other")
        await loop.heard(subjects.event(other, "g-1", "orchestrator", "rollout.accepted.v1"))
        watched.put(version(2))
        await noting.until(3)
        assert noting.versions == ["1", "1", "2"]


async def test_what_comes_while_it_is_looked_at_is_looked_at_once_more_and_by_nobody_else() -> None:
    noting = Noting()
    noting.go_on.clear()
    async with looping(noting) as (watched, loop):
        watched.put(version(1))
        await noting.until(1)
        watched.put(version(2))
        watched.put(version(3))
        loop.wake_all()
        noting.go_on.set()
        await noting.until(2)
        watched.put(version(4))
        await noting.until(3)
        assert noting.versions == ["1", "3", "4"]
        assert noting.most_at_once == 1


async def test_what_fails_or_was_overtaken_is_looked_at_again() -> None:
    noting = Noting(Transient("away"), Conflict("stale"), Transient("away"))
    async with looping(noting) as (watched, _):
        watched.put(version(1))
        await noting.until(4)


async def test_a_history_that_nobody_asks_for_is_forgotten() -> None:
    noting = Noting()
    async with looping(noting) as (watched, _):
        first, second = version(1), rollout(name="second")
        watched.put(first)
        watched.put(second)
        watched.remove(second)
        assert noting.forgotten == []
        watched.remove(first)
        assert noting.forgotten == [WORKLOAD]
