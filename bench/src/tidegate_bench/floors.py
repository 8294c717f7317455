"""The floors, measured: a native controller makes the moves of one variant, told by hand.

`kinds` calls `native_s` in turn with Tidegate's own rollouts of the same workload; `moves` says what is told.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from tidegate_bench.following import Condition, Following, Native, empty, following, gone, whole
from tidegate_bench.lab import Lab
from tidegate_bench.moves import STEP_PODS, is_beside, moves
from tidegate_bench.workloads import Spec, Variant, manifest, template
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_demo.scenario import NAMESPACE

BESIDE: Final = "bench-beside"


class Bed:
    """One variant's workload on the sandbox."""

    def __init__(self, lab: Lab, variant: Variant, followed: Following) -> None:
        self.lab = lab
        self.variant = variant
        self._followed = followed

    @property
    def name(self) -> str:
        return self.variant.name

    async def tell(self, spec: Spec, done: Condition, name: str = "") -> None:
        """One move by hand, until it is done; of the workload itself, or of the one beside it."""
        await self._followed.tell(name or self.name, spec, done)

    async def native_s(self, version: str) -> float:
        """How long all five steps to a new version take without Tidegate."""
        began_s = time.monotonic()
        if is_beside(self.variant):
            await self._beside(version)
        else:
            for move in moves(self.variant, template({"app": self.name}, version)):
                await self.tell(*move)
        return time.monotonic() - began_s

    async def _beside(self, version: str) -> None:
        shape, name, client = self.variant.shape, f"{self.name}-beside", self.lab.kubernetes
        labels = {BESIDE: self.name}
        second = manifest(shape, self.name, version=version, replicas=STEP_PODS[0], more_labels=labels)
        second["metadata"]["name"] = name
        await client.create(shape.resource, NAMESPACE, second)
        await self._followed.until(name, whole)
        for pods in STEP_PODS[1:]:
            await self.tell({"replicas": pods}, whole, name)
        await self.tell({"template": template({"app": self.name}, version)}, whole)
        await self.tell({"replicas": 0}, empty, name)
        found = await client.read(shape.resource, NAMESPACE, name, Native)
        assert not isinstance(found, NotFound), "it was made above"
        await client.delete(shape.resource, NAMESPACE, name, uid=found.metadata.uid)
        await self._followed.until(name, gone)


@asynccontextmanager
async def bed(lab: Lab, variant: Variant) -> AsyncIterator[Bed]:
    """The variant's workload, whole; deleted at the end."""
    resource, name = variant.shape.resource, variant.name
    async with following(lab.kubernetes, resource, NAMESPACE) as followed:
        await lab.kubernetes.create(resource, NAMESPACE, manifest(variant.shape, name, version="v1"))
        await followed.until(name, whole)
        yield Bed(lab, variant, followed)
        found = await lab.kubernetes.read(resource, NAMESPACE, name, Native)
        assert not isinstance(found, NotFound), "nobody else deletes it"
        uid = found.metadata.uid
        await lab.kubernetes.delete(resource, NAMESPACE, name, uid=uid, propagation="Foreground")
        await followed.until(name, gone)
