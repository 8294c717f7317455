"""A workload-controller's hold loop on a real API server, its orders given by hand, and somebody who watches it.

The bus is left out: facts are noted instead of published, and an order is superseded by cancelling its task, as the
chassis does. The observer reads only the API server, under another identity.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from support.controller_copy import SYNCED_WITHIN_S, ControllerCopy, Notes, controller_copy
from support.kinds import DEPLOYMENT, IMAGE, Kind
from support.mortals import held, held_until_killed, keep
from support.until import until
from tidegate_chassis.clock import SystemClock
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.resources import PODS, REPLICA_SETS
from tidegate_contracts.facts import BatchReady, Fact, WorkloadPrepared, WorkloadPromoted, WorkloadReleased
from tidegate_contracts.orders import (
    ApplyBatch,
    PrepareWorkload,
    PromoteWorkload,
    ReleaseWorkload,
    Target,
    WorkloadOrder,
)
from tidegate_contracts.rollout import CanaryMetadata, Change, Style
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller.holder import WorkloadHolder
from tidegate_workload_controller.seen import Pod, ReplicaSet, Workload

CLOCK = SystemClock()
POLL_PERIOD_S = 0.2
"""For what is read live: many rigs share one API server."""

SOCKETS_CLOSE_S = 0.25
"""TLS connections are closed by callbacks that nobody can wait for; aiohttp's own manual names this time."""

F = TypeVar("F", bound=Fact)


def deployment(name: str = "web", *, replicas: int = 10, tag: str = "v1_ready-0.3", **spec: Any) -> dict[str, Any]:
    """A Deployment's manifest; `spec` is added to its spec."""
    return DEPLOYMENT.manifest(name, replicas=replicas, tag=tag, **spec)


def image(tag: str) -> Change:
    return Change(images={"app": f"registry.example/web:{tag}"})


class Rig:
    """One copy of the controller, holding one workload."""

    style: Style = "partition"
    canary_metadata: CanaryMetadata | None = None

    def __init__(self, copy: ControllerCopy, admin: KubernetesClient, namespace: str, name: str, kind: Kind) -> None:
        self.notes = Notes()
        self.admin = admin
        self.copy = copy
        self.client = copy.client
        self.namespace = namespace
        self.name = name
        self.holder = WorkloadHolder(copy.kinds, self.notes, CLOCK)
        self.kind = kind
        self.key = WorkloadKey("default", namespace, kind.key, name)
        self.reference = WorkloadReference(name=name, kind=kind.resource.kind, api_version=kind.resource.api_version)
        self.revision = 0
        self.task: asyncio.Task[None] | None = None
        self.prepared: WorkloadPrepared | None = None
        self.canary_revision: str | None = None
        self.targets: dict[int, Target] = {}
        self.change: Change | None = None

    # Orders

    async def give(self, order: WorkloadOrder) -> None:
        """Supersede whatever is held."""
        await self.drop()
        self.task = asyncio.create_task(keep(self.holder, held(self.key, order)))

    async def give_to_mortal(self, order: WorkloadOrder, *, after_s: float) -> None:
        """The same, to a copy in a process of its own that is killed so long after it began."""
        await self.drop()
        await held_until_killed(self.copy, self.key, order, after_s=after_s)

    async def drop(self) -> None:
        """Let go of the order without a word, as when a copy dies."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            self.task = None

    def next_revision(self) -> int:
        self.revision += 1
        return self.revision

    async def prepare(self, change: Change | None, rollout: str = "r1") -> Fact:
        self.change, self.canary_revision = change, None
        order = PrepareWorkload(
            rollout=rollout,
            revision=self.next_revision(),
            workload=self.reference,
            change=change,
            style=self.style,
            canary_metadata=self.canary_metadata,
        )
        await self.give(order)
        fact = await self.fact(Fact)
        self.prepared = fact if isinstance(fact, WorkloadPrepared) else None
        return fact

    def batch(self, step: int, replicas: int | str, rollout: str = "r1", **more: Any) -> ApplyBatch:
        assert self.prepared is not None, "prepare first"
        target = Target(count=replicas) if isinstance(replicas, int) else Target(percent=int(replicas[:-1]))
        self.targets[step] = target
        before = range(1, step)
        return ApplyBatch(
            rollout=rollout,
            revision=self.next_revision(),
            workload=self.reference,
            step=step,
            batch=step,
            earlier=tuple(self.targets[each] for each in before) if self.targets.keys() >= set(before) else (),
            change=self.change,
            target=target,
            template_digest=self.prepared.template_digest,
            stable_revision=self.prepared.stable_revision,
            canary_revision=self.canary_revision,
            style=self.style,
            canary_metadata=self.canary_metadata,
            **more,
        )

    async def apply(self, step: int, replicas: int | str, *, within_s: float = 10.0, **more: Any) -> BatchReady:
        """Order a step, and wait until it is reported ready (and settled, where that was asked for)."""
        order = self.batch(step, replicas, **more)
        await self.give(order)
        settled = order.settle
        fact = await self.fact(BatchReady, lambda each: each.settled or not settled, within_s=within_s)
        self.canary_revision = fact.canary_revision
        return fact

    async def promote(self, *, within_s: float = 15.0, rollout: str = "r1") -> WorkloadPromoted:
        await self.give(self.promotion(rollout))
        return await self.fact(WorkloadPromoted, within_s=within_s)

    def promotion(self, rollout: str = "r1") -> PromoteWorkload:
        assert self.prepared is not None, "prepare first"
        return PromoteWorkload(
            rollout=rollout,
            revision=self.next_revision(),
            workload=self.reference,
            style=self.style,
            change=self.change,
            template_digest=self.prepared.template_digest,
            stable_revision=self.prepared.stable_revision,
            canary_revision=self.canary_revision,
            canary_metadata=self.canary_metadata,
        )

    async def release(self, mode: str, *, within_s: float = 15.0, rollout: str = "r1") -> WorkloadReleased:
        await self.give(self.giving_back(mode, rollout))
        return await self.fact(WorkloadReleased, within_s=within_s)

    def giving_back(self, mode: str, rollout: str = "r1") -> ReleaseWorkload:
        assert self.prepared is not None, "prepare first"
        return ReleaseWorkload(
            rollout=rollout,
            revision=self.next_revision(),
            workload=self.reference,
            mode=mode,  # type: ignore[arg-type]
            stable_revision=self.prepared.stable_revision,
            style=self.style,
        )

    async def fact(self, kind: type[F], matching: Callable[[F], bool] = lambda _: True, *, within_s: float = 10.0) -> F:
        """The first such fact that answers the newest order."""

        def found() -> list[F]:
            return [
                each
                for each in self.notes.facts
                if isinstance(each, kind) and each.order_revision == self.revision and matching(each)
            ]

        try:
            await until(lambda: self._failed() or found(), within_s=within_s, what=f"a {kind.__name__}")
        except AssertionError as error:
            raise AssertionError(f"{error}; facts: {self.notes.facts[-5:]}") from None
        self._raise_failure()
        return found()[0]

    def facts(self, kind: type[F]) -> list[F]:
        return [each for each in self.notes.facts if isinstance(each, kind) and each.order_revision == self.revision]

    def _failed(self) -> bool:
        return self.task is not None and self.task.done() and self.task.exception() is not None

    def _raise_failure(self) -> None:
        if self._failed():
            assert self.task is not None
            raise AssertionError("the hold loop failed") from self.task.exception()

    # The user's own doings

    async def create(
        self, *, replicas: int = 10, tag: str = "v1_ready-0.3", pod_spec: dict[str, Any] | None = None, **spec: Any
    ) -> None:
        """Create the workload and wait until it is whole."""
        manifest = self.kind.manifest(self.name, replicas=replicas, tag=tag, **spec)
        manifest["spec"]["template"]["spec"] |= pod_spec or {}
        await self.admin.create(self.kind.resource, self.namespace, manifest)
        await self.until_whole()

    async def patch(self, body: dict[str, Any], *, style: PatchStyle = PatchStyle.STRATEGIC) -> None:
        if style is PatchStyle.STRATEGIC and self.kind.resource.group != "apps":
            style = PatchStyle.MERGE
        answer = await self.admin.patch(self.kind.resource, self.namespace, self.name, body, style=style)
        assert isinstance(answer, bytes), answer

    async def replace(self, fields: dict[str, Any]) -> None:
        """Whole fields of its spec."""
        body = [{"op": "add", "path": f"/spec/{name}", "value": value} for name, value in fields.items()]
        await self.admin.patch(self.kind.resource, self.namespace, self.name, body, style=PatchStyle.JSON)

    async def update(self, tag: str) -> None:
        """Another image, as its user would put it there, without us."""
        found = await self.raw()
        (container,) = found["spec"]["template"]["spec"]["containers"]
        containers = [{**container, "image": f"{IMAGE}:{tag}"}]
        await self.patch({"spec": {"template": {"spec": {"containers": containers}}}})

    async def scale(self, replicas: int) -> None:
        await self.patch({"spec": {"replicas": replicas}})

    async def read(self) -> Workload:
        found = await self.admin.read(self.kind.resource, self.namespace, self.name, Workload)
        assert isinstance(found, Workload), found
        return found

    async def raw(self) -> dict[str, Any]:
        answer = await self.admin.get(self.kind.resource, self.namespace, self.name)
        assert isinstance(answer, bytes), answer
        return decode(answer, dict)

    async def images(self) -> set[str]:
        """What the living pods run."""
        page = await self.admin.list_all(PODS, self.namespace, label_selector=f"app={self.name}")
        living = [decode(raw, dict) for raw in page.items if decode(raw, Pod).alive]
        return {container["image"] for pod in living for container in pod["spec"]["containers"]}

    async def stable_revision(self, tag: str) -> str:
        """The one from which a rollout would start, as the controller says before it begins."""
        fact = await self.prepare(image(tag))
        assert isinstance(fact, WorkloadPrepared), fact
        return fact.stable_revision

    async def until_all_run(self, tag: str, *, within_s: float) -> None:
        """Wait until no living pod runs anything else; who is beside the workload may take a moment to go."""
        async with asyncio.timeout(within_s):
            while (found := await self.images()) != {f"{IMAGE}:{tag}"}:
                assert found, "no pod is left"
                await asyncio.sleep(POLL_PERIOD_S)

    async def own_tag(self) -> str:
        """The version in the workload's own template."""
        found = await self.raw()
        (container,) = found["spec"]["template"]["spec"]["containers"]
        return str(container["image"]).removeprefix(f"{IMAGE}:")

    async def until_whole(self, *, within_s: float = 60.0) -> None:
        deadline_s = time.monotonic() + within_s
        while True:
            found = await self.read()
            if found.complete and (found.replicas or found.spec.replicas == 0):
                return
            assert time.monotonic() < deadline_s, f"the workload is not whole: {found.status}"
            await asyncio.sleep(POLL_PERIOD_S)


@asynccontextmanager
async def rig(
    sandbox: SandboxState,
    namespace: str,
    name: str = "web",
    *,
    kind: Kind = DEPLOYMENT,
    style: Style = "partition",
    copy: ControllerCopy | None = None,
) -> AsyncIterator[Rig]:
    """A workload in the hands of a copy of the controller, one of its own where none is given."""
    kubeconfig = str(sandbox.kubeconfig_directory / "admin.yaml")
    try:
        async with AsyncExitStack() as stack:
            admin = await stack.enter_async_context(await KubernetesClient.connect(kubeconfig, field_manager="a-user"))
            copy = copy or await stack.enter_async_context(controller_copy(sandbox))
            made = Rig(copy, admin, namespace, name, kind)
            made.style = style
            stack.push_async_callback(made.drop)
            yield made
    finally:
        await asyncio.sleep(SOCKETS_CLOSE_S)


class Sample:
    """Pods by revision, at one moment."""

    def __init__(self, replicas: int, told: dict[str, int], alive: dict[str, int], ready: dict[str, int]) -> None:
        self.at_s = time.monotonic()
        self.replicas = replicas
        self.told = told
        self.alive = alive
        self.ready = ready

    def __repr__(self) -> str:
        return f"<{self.replicas}: told {self.told}, alive {self.alive}, ready {self.ready}>"


class Observer:
    """Watches one workload from outside, and remembers every moment."""

    def __init__(self, client: KubernetesClient, namespace: str, name: str, kind: Kind = DEPLOYMENT) -> None:
        self.samples: list[Sample] = []
        self._name = name
        self._label = kind.revision_label
        self._workloads = Reflector(client, kind.resource, Workload, namespace=namespace)
        self._sets = Reflector(client, REPLICA_SETS, ReplicaSet, namespace=namespace)
        self._pods = Reflector(client, PODS, Pod, namespace=namespace)
        self.reflectors = (self._workloads, self._sets, self._pods)
        for each in self.reflectors:
            each.subscribe(self._on_change)

    def _on_change(self, _old: object, _new: object) -> None:
        found = [each for each in self._workloads.store.all() if each.metadata.name == self._name]
        if not found:
            return
        told: dict[str, int] = {}
        alive: dict[str, int] = {}
        ready: dict[str, int] = {}
        for each in self._sets.store.all():
            told[each.revision.name] = each.spec.replicas
        for pod in self._pods.store.all():
            revision = pod.metadata.labels.get(self._label, "")
            if pod.alive:
                alive[revision] = alive.get(revision, 0) + 1
                ready[revision] = ready.get(revision, 0) + (pod.ready_since_s is not None)
        self.samples.append(Sample(found[0].replicas, told, alive, ready))

    def pods(self, revision: str) -> list[Pod]:
        """The living pods of a revision now."""
        return [
            pod for pod in self._pods.store.all() if pod.alive and pod.metadata.labels.get(self._label, "") == revision
        ]

    def most(self, revision: str) -> int:
        return max((each.alive.get(revision, 0) for each in self.samples), default=0)

    def most_in_all(self) -> int:
        return max(sum(each.alive.values()) for each in self.samples)

    def least_ready(self) -> int:
        return min(sum(each.ready.values()) for each in self.samples)

    def forget(self) -> None:
        """Start a new stretch of time with what is there now."""
        del self.samples[:-1]


@asynccontextmanager
async def observed(made: Rig) -> AsyncIterator[Observer]:
    observer = Observer(made.admin, made.namespace, made.name, made.kind)
    tasks = [asyncio.create_task(each.run()) for each in observer.reflectors]
    try:
        for each in observer.reflectors:
            await asyncio.wait_for(each.wait_synced(), SYNCED_WITHIN_S)
        observer.forget()
        yield observer
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def gone(made: Rig) -> None:
    """Delete the workload, and wait until it is not there any more."""
    found = await made.read()
    await made.admin.delete(made.kind.resource, made.namespace, made.name, uid=found.metadata.uid)
    while not isinstance(await made.admin.get(made.kind.resource, made.namespace, made.name), NotFound):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
