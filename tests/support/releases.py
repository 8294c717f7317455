"""Workloads with a Rollout of Kruise's each, many at a time in one sandbox: what their user does, and what is seen.

Reflectors tell of every change, so that nobody polls. Used by the stories that are played for every kind and style.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import msgspec

from support.guarded import own_values
from support.kinds import IMAGE, Kind
from support.workloads import SOCKETS_CLOSE_S
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.resources import (
    ADVANCED_DAEMON_SETS,
    CLONE_SETS,
    DAEMON_SETS,
    DEPLOYMENTS,
    PODS,
    Resource,
)
from tidegate_contracts.rollout import Style
from tidegate_rollout_operator.kruise import ROLLING_STYLE, ROLLOUT_BATCH_ID, ROLLOUTS, Rollout
from tidegate_rollout_operator.template_hash import template_hash
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller.seen import Pod, Workload

OLD_ROLLOUTS: Final = msgspec.structs.replace(ROLLOUTS, version="v1alpha1")
NAME: Final = "web"
REPLICAS: Final = 4
WITHIN_S: Final = 60.0
BLOCKS: Final[dict[Style, tuple[str, dict[str, Any]]]] = {
    "partition": ("canary", {}),
    "canary": ("canary", {"enableExtraWorkloadForCanary": True}),
    "blue_green": ("blueGreen", {}),
}
"""How a Rollout says each of the styles."""

Status = dict[str, Any]


class Container(msgspec.Struct, frozen=True):
    image: str = ""


class PodSpec(msgspec.Struct, frozen=True):
    containers: tuple[Container, ...] = ()


class RunningPod(Pod, frozen=True):
    spec: PodSpec = PodSpec()


class Watching:
    """Rollouts, pods and workloads of a sandbox as they are now, and a word whenever any of them changes."""

    def __init__(self, client: KubernetesClient, kinds: set[Resource]) -> None:
        self.client = client
        self.rollouts = Reflector(client, ROLLOUTS, Rollout)
        self.pods = Reflector(client, PODS, RunningPod, label_selector=f"app={NAME}", indexes={"namespace": _namespace})
        self.workloads = {kind: Reflector(client, kind, Workload) for kind in kinds}
        self._changed = asyncio.Event()
        for each in self._all:
            each.subscribe(self._on_change)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for each in self._all:
                group.create_task(each.run())

    async def until(self, condition: Callable[[], object], what: Callable[[], str]) -> None:
        try:
            async with asyncio.timeout(WITHIN_S):
                while not condition():
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(what()) from None

    @property
    def _all(self) -> list[Reflector[Any]]:
        return [self.rollouts, self.pods, *self.workloads.values()]

    def _on_change(self, _old: object, _new: object) -> None:
        """Wake all who wait now; who comes later waits for the next."""
        self._changed.set()
        self._changed = asyncio.Event()


class Release(NamedTuple):
    """One workload of a namespace of its own, with its Rollout."""

    watching: Watching
    kind: Kind
    style: Style
    namespace: str
    api: Resource = ROLLOUTS
    """The version of Rollouts that its user writes; it is seen in the stored one."""

    # What its user does

    async def begin(self, *replicas: str, **strategy: Any) -> dict[str, Any]:
        """Version 1, whole, with a Rollout of these steps that is told of as healthy; the workload as it then is."""
        await self.watching.client.create(
            self.kind.resource, self.namespace, self.kind.manifest(NAME, replicas=REPLICAS, tag="v1_ready-0.1")
        )
        await self.is_whole()
        own = own_values(await self.workload())
        make = self._rollout if self.api == ROLLOUTS else self._rollout_of_old
        await self.watching.client.create(self.api, self.namespace, make(replicas, strategy))
        await self.until(lambda status: status.get("phase") == "Healthy", "Healthy")
        await self.until_guarded(is_guarded=True)
        return own

    async def change(self, tag: str) -> None:
        change = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": f"{IMAGE}:{tag}"}]
        await self._patch_workload(change, PatchStyle.JSON)

    async def scale(self, replicas: int) -> None:
        await self._patch_workload({"spec": {"replicas": replicas}}, PatchStyle.MERGE)

    async def edit(self, **spec: Any) -> None:
        await self._patch({"spec": spec})

    async def tell(self, **told: Any) -> None:
        """A patch of the status, as the kubectl plugin and the dashboards write it."""
        block = "blueGreenStatus" if self.style == "blue_green" else "canaryStatus"
        await self._patch({"status": {block: told}}, subresource="status")

    async def approve(self) -> None:
        await self.tell(currentStepState="StepReady")

    async def delete(self) -> None:
        await self.watching.client.delete(self.api, self.namespace, NAME, uid=self.rollout.metadata.uid)
        await self.watching.until(
            lambda: self.watching.rollouts.store.get(self.namespace, NAME) is None, lambda: f"it stays: {self.status}"
        )

    # What is seen

    @property
    def rollout(self) -> Rollout:
        """One that tells nothing where it isn't seen yet."""
        return self.watching.rollouts.store.get(self.namespace, NAME) or Rollout()

    @property
    def status(self) -> Status:
        return self.rollout.status

    @property
    def told(self) -> Status:
        """The part that tells of the steps."""
        return self.rollout.told

    @property
    def named(self) -> str:
        """The version that is released, as the status calls it."""
        found: str = self.told["updatedRevision" if self.style == "blue_green" else "canaryRevision"]
        assert self.told["observedRolloutID"] == found
        return found

    async def revision(self) -> str:
        """The same as Kruise calls it: by its own hash, or as the kind's controller does."""
        workload = await self.workload()
        if self.kind.resource == DEPLOYMENTS:
            return template_hash(workload["spec"]["template"])
        if self.kind.resource == DAEMON_SETS:
            return str(self.told["podTemplateHash"])
        status = workload["status"]
        found: str = status.get("updateRevision") or status["daemonSetHash"]
        return found.removeprefix(f"{NAME}-") if self.kind.resource in (CLONE_SETS, ADVANCED_DAEMON_SETS) else found

    @property
    def versions(self) -> Counter[str]:
        """How many pods run each version, those apart that are about to go."""
        living = [pod for pod in self.watching.pods.store.by_index("namespace", self.namespace) if pod.alive]
        return Counter(pod.spec.containers[0].image.partition(":")[2][:2] for pod in living)

    @property
    def batches(self) -> Counter[str]:
        """How many of the new pods came in each batch, by Kruise's own label."""
        living = [pod for pod in self.watching.pods.store.by_index("namespace", self.namespace) if pod.alive]
        found = (pod.metadata.labels.get(ROLLOUT_BATCH_ID) for pod in living)
        return Counter(each for each in found if each is not None)

    async def workload(self) -> dict[str, Any]:
        answer = await self.watching.client.get(self.kind.resource, self.namespace, NAME)
        assert not isinstance(answer, NotFound)
        return decode(answer, dict)

    async def until(self, condition: Callable[[Status], object], what: str) -> None:
        await self.watching.until(
            lambda: condition(self.status),
            lambda: f"{what} did not come: {json.dumps(self.status)}; pods: {self.versions}",
        )

    async def waits_at(self, step: int) -> None:
        def waits() -> bool:
            return (self.told.get("currentStepIndex"), self.told.get("currentStepState")) == (step, "StepPaused")

        await self.until(lambda _: waits(), f"the pause of step {step}")

    async def runs(self, version: str, pods: int) -> None:
        await self.until(lambda _: self.versions[version] == pods, f"{pods} pods of {version}")

    async def ends(self, *, succeeded: bool) -> None:
        await self.until(
            lambda status: status.get("phase") == "Healthy" and condition_of(status, "Succeeded") is not None, "the end"
        )
        assert condition_of(self.status, "Succeeded") is succeeded, self.status
        assert condition_of(self.status, "Progressing") is False, self.status

    async def is_whole(self, version: str = "v1") -> None:
        """Its native controller has nothing more to do, and every pod runs this version."""
        workloads = self.watching.workloads[self.kind.resource].store

        def whole() -> bool:
            found = workloads.get(self.namespace, NAME)
            return found is not None and found.complete and self.versions == {version: found.replicas}

        await self.watching.until(whole, lambda: f"{self.versions}: {workloads.get(self.namespace, NAME)}")

    async def until_guarded(self, *, is_guarded: bool) -> None:
        """The guard has reached the workload, or has left it without a trace."""
        workloads = self.watching.workloads[self.kind.resource].store

        def seen() -> bool:
            found = workloads.get(self.namespace, NAME)
            marks = [*found.metadata.labels, *found.metadata.annotations] if found is not None else []
            return any("tidegate.io/" in mark for mark in marks) is is_guarded

        await self.watching.until(seen, lambda: f"{workloads.get(self.namespace, NAME)}")

    def _rollout(self, replicas: tuple[str, ...], strategy: dict[str, Any]) -> dict[str, Any]:
        block, more = BLOCKS[self.style]
        resource = self.kind.resource
        steps = {"steps": [{"replicas": each} for each in replicas], **more}
        return {
            "apiVersion": ROLLOUTS.api_version,
            "kind": ROLLOUTS.kind,
            "metadata": {"name": NAME},
            "spec": {
                "workloadRef": {"apiVersion": resource.api_version, "kind": resource.kind, "name": NAME},
                "strategy": {block: steps, **strategy},
            },
        }

    def _rollout_of_old(self, replicas: tuple[str, ...], strategy: dict[str, Any]) -> dict[str, Any]:
        """The same in v1alpha1, where an annotation says the style."""
        body = self._rollout(replicas, strategy)
        return {
            **body,
            "apiVersion": self.api.api_version,
            "metadata": {"name": NAME, "annotations": {ROLLING_STYLE: self.style}},
            "spec": {
                "objectRef": {"workloadRef": body["spec"]["workloadRef"]},
                "strategy": {"canary": {"steps": [{"replicas": each} for each in replicas]}, **strategy},
            },
        }

    async def _patch(self, body: dict[str, Any], subresource: str = "") -> None:
        client = self.watching.client
        await client.patch(self.api, self.namespace, NAME, body, style=PatchStyle.MERGE, subresource=subresource)

    async def _patch_workload(self, body: Any, style: PatchStyle) -> None:
        await self.watching.client.patch(self.kind.resource, self.namespace, NAME, body, style=style)


def condition_of(status: Status, kind: str) -> bool | None:
    """None where there is no such condition."""
    found = [each["status"] == "True" for each in status.get("conditions", ()) if each["type"] == kind]
    return found[0] if found else None


def reason_of(status: Status, kind: str) -> str:
    return next((each["reason"] for each in status.get("conditions", ()) if each["type"] == kind), "")


def _namespace(pod: RunningPod) -> list[str]:
    return [pod.metadata.namespace]


@asynccontextmanager
async def watching(sandbox: SandboxState, kinds: set[Resource]) -> AsyncIterator[Watching]:
    kubeconfig = str(sandbox.kubeconfig_directory / "admin.yaml")
    async with (
        await KubernetesClient.connect(kubeconfig, field_manager="a-user") as client,
        asyncio.TaskGroup() as group,
    ):
        made = Watching(client, kinds)
        task = group.create_task(made.run())
        yield made
        task.cancel()
    await asyncio.sleep(SOCKETS_CLOSE_S)
