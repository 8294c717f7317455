"""Waiting for native controllers by watching: what they say of their own workloads, the moment that they say it.

The floors of every figure stand on it. A kubectl that waits would cost a process, which on two cores is time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import KubernetesObject, decode
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.resources import Resource

NATIVE_TIMEOUT_S: Final = 120.0


class NativeSpec(msgspec.Struct, frozen=True, rename="camel"):
    replicas: int | None = None
    """None where nodes decide how many, as with DaemonSets."""


class NativeStatus(msgspec.Struct, frozen=True, rename="camel"):
    """Of every kind together; each has some of these."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    desired_number_scheduled: int = 0
    current_number_scheduled: int = 0
    updated_number_scheduled: int = 0
    number_ready: int = 0
    number_available: int = 0


class Native(KubernetesObject, frozen=True):
    """A workload of any kind, as its native controller describes it."""

    spec: NativeSpec = NativeSpec()
    status: NativeStatus = NativeStatus()

    @property
    def is_per_node(self) -> bool:
        return self.spec.replicas is None

    @property
    def seen(self) -> bool:
        """Whether the controller has looked at what it was told last."""
        return self.status.observed_generation >= self.metadata.generation

    @property
    def pods(self) -> int:
        return self.status.current_number_scheduled if self.is_per_node else self.status.replicas

    @property
    def updated(self) -> int:
        return self.status.updated_number_scheduled if self.is_per_node else self.status.updated_replicas

    @property
    def ready(self) -> int:
        return self.status.number_ready if self.is_per_node else self.status.ready_replicas

    @property
    def complete(self) -> bool:
        """As its own controller means it: every pod updated and available, none too many."""
        status = self.status
        wanted = status.desired_number_scheduled if self.spec.replicas is None else self.spec.replicas
        available = status.number_available if self.is_per_node else status.available_replicas
        return self.seen and wanted > 0 and {self.pods, self.updated, available} == {wanted}


Condition = Callable[[Native | None], bool]


def whole(native: Native | None) -> bool:
    return native is not None and native.complete


def empty(native: Native | None) -> bool:
    """No pod is left that wasn't told to go."""
    return native is not None and native.seen and native.pods == 0


def gone(native: Native | None) -> bool:
    return native is None


class Following:
    """The workloads of one kind in one namespace."""

    def __init__(self, client: KubernetesClient, reflector: Reflector[Native], namespace: str) -> None:
        self._client = client
        self._reflector = reflector
        self._namespace = namespace
        self._news = asyncio.Event()
        reflector.subscribe(lambda _old, _new: self._news.set())

    async def tell(self, name: str, spec: dict[str, Any], done: Condition) -> None:
        """A change of a spec, as a merge patch, until its native controller has done it."""
        resource = self._reflector.resource
        answer = await self._client.patch(resource, self._namespace, name, {"spec": spec}, style=PatchStyle.MERGE)
        assert isinstance(answer, bytes), f"{name} is not there"
        await self.until(name, done, generation=decode(answer, Native).metadata.generation)

    async def until(
        self, name: str, condition: Condition, *, generation: int = 0, timeout_s: float = NATIVE_TIMEOUT_S
    ) -> None:
        """Returns when the native controller says what is waited for.

        Args:
            name: Whose.
            condition: Of what it says.
            generation: What it has to have seen: a watch may be behind the answer to a patch.
            timeout_s: How long it may take.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not self._holds(name, condition, generation):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            last = self._reflector.store.get(self._namespace, name)
            raise TimeoutError(f"{name} did not come so far within {timeout_s:g} s; it is {last}") from error

    def _holds(self, name: str, condition: Condition, generation: int) -> bool:
        native = self._reflector.store.get(self._namespace, name)
        return condition(native) and (native is None or native.metadata.generation >= generation)


@asynccontextmanager
async def following(client: KubernetesClient, resource: Resource, namespace: str) -> AsyncIterator[Following]:
    reflector = Reflector(client, resource, Native, namespace=namespace)
    followed = Following(client, reflector, namespace)
    running = asyncio.create_task(reflector.run())
    try:
        await reflector.wait_synced()
        yield followed
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
