"""The third party of deploy/examples/20-plugin-kind, played by the tests: a toy controller of Squads.

It knows nothing of Tidegate. Watches only wake it; what it does stands on live reads, one round per Squad at a time:
keep the newest template as a ControllerRevision, make and remove pods until there are `replicas`, replace one pod at a
time by the newest template until `newPods` run it, and write down how far that is. Pods that are new stay so.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import structlog

from support.workloads import SOCKETS_CLOSE_S
from tidegate_chassis.errors import OperatingError, Transient
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import KubernetesObject, NotFound, decode
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.resources import CONTROLLER_REVISIONS, PODS, Resource
from tidegate_sandbox.state import SandboxState

SQUADS: Final = Resource("squads.example.com", "v1", "squads", "Squad")
TEMPLATE_LABEL: Final = "squads.example.com/template"
AGAIN_AFTER_S: Final = 0.2
"""After a failed round; a lost race is the usual one."""

Json = dict[str, Any]
Key = tuple[str, str]

_log = structlog.get_logger(__name__)


class SquadController:
    def __init__(self, client: KubernetesClient) -> None:
        self._client = client
        self._due: dict[Key, None] = {}
        self._woken = asyncio.Event()
        self._squads = Reflector(client, SQUADS, KubernetesObject)
        self._pods = Reflector(client, PODS, KubernetesObject, label_selector=TEMPLATE_LABEL)
        self._squads.subscribe(lambda old, new: self._wake((new or old).metadata.key))  # type: ignore[union-attr]
        self._pods.subscribe(self._on_pod)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._squads.run())
            group.create_task(self._pods.run())
            while True:
                await self._woken.wait()
                self._woken.clear()
                due, self._due = list(self._due), {}
                await asyncio.gather(*map(self._round, due))

    def _wake(self, key: Key) -> None:
        self._due[key] = None
        self._woken.set()

    def _on_pod(self, old: KubernetesObject | None, new: KubernetesObject | None) -> None:
        seen = new or old
        assert seen is not None, "a change is of something"
        for owner in seen.metadata.owner_references:
            self._wake((seen.metadata.namespace, owner.name))

    async def _round(self, key: Key) -> None:
        try:
            answer = await self._client.get(SQUADS, *key)
            if not isinstance(answer, NotFound):
                squad = decode(answer, dict)
                if "deletionTimestamp" not in squad["metadata"]:
                    await self._reconcile(squad)
        except OperatingError as error:
            _log.info("a round failed", squad=key, reason=error.reason)
            asyncio.get_running_loop().call_later(AGAIN_AFTER_S, self._wake, key)

    async def _reconcile(self, squad: Json) -> None:
        newest = await self._newest(squad)
        pods = [pod for pod in await self._owned(PODS, squad) if is_alive(pod)]
        current = squad.get("status", {}).get("currentRevision") or newest
        await self._move(squad, pods, newest, current)
        await self._tell(squad, pods, newest, current)

    async def _newest(self, squad: Json) -> str:
        """The name of the revision that keeps the template: a new one, or an old one that is the newest again."""
        template = squad["spec"]["template"]
        name = f"{squad['metadata']['name']}-{hashed(template)}"
        kept = {each["metadata"]["name"]: each["revision"] for each in await self._owned(CONTROLLER_REVISIONS, squad)}
        last = max(kept.values(), default=0)
        namespace = squad["metadata"]["namespace"]
        if name not in kept:
            body = {
                "apiVersion": CONTROLLER_REVISIONS.api_version,
                "kind": CONTROLLER_REVISIONS.kind,
                "metadata": {"name": name, "labels": template["metadata"]["labels"], **owned_by(squad)},
                "data": {"spec": {"template": {**template, "$patch": "replace"}}},
                "revision": last + 1,
            }
            await self._client.create(CONTROLLER_REVISIONS, namespace, body)
        elif kept[name] < last:
            again = {"revision": last + 1}
            await self._client.patch(CONTROLLER_REVISIONS, namespace, name, again, style=PatchStyle.MERGE)
        return name

    async def _move(self, squad: Json, pods: list[Json], newest: str, current: str) -> None:
        replicas = squad["spec"]["replicas"]
        most_new = squad["spec"].get("updateStrategy", {}).get("newPods", replicas)
        new = [pod for pod in pods if template_of(pod) == newest]
        old = [pod for pod in pods if template_of(pod) != newest]
        if len(pods) < replicas:
            missing, may_be_new = replicas - len(pods), max(most_new - len(new), 0)
            for number in range(missing):
                await self._create(squad, newest if number < may_be_new else current)
        elif len(pods) > replicas:
            first, last = (new, old) if len(new) > most_new else (old, new)
            for pod in [*sorted(first, key=is_ready), *sorted(last, key=is_ready)][: len(pods) - replicas]:
                await self._delete(pod)
        elif old and len(new) < most_new and (all(map(is_ready, pods)) or not all(map(is_ready, old))):
            await self._delete(min(old, key=is_ready))

    async def _create(self, squad: Json, revision: str) -> None:
        namespace = squad["metadata"]["namespace"]
        kept = await self._client.get(CONTROLLER_REVISIONS, namespace, revision)
        if isinstance(kept, NotFound):
            raise Transient(f"revision {revision} is gone: its namespace is being removed")
        template = decode(kept, dict)["data"]["spec"]["template"]
        labels = {**template["metadata"]["labels"], TEMPLATE_LABEL: revision}
        metadata = {"generateName": f"{squad['metadata']['name']}-", "labels": labels, **owned_by(squad)}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        await self._client.create(PODS, namespace, body)

    async def _delete(self, pod: Json) -> None:
        metadata = pod["metadata"]
        await self._client.delete(PODS, metadata["namespace"], metadata["name"], uid=metadata["uid"])

    async def _tell(self, squad: Json, pods: list[Json], newest: str, current: str) -> None:
        """What was found before this round's move; the next round is woken by it."""
        updated = [pod for pod in pods if template_of(pod) == newest]
        available = sum(map(is_ready, pods))
        whole = len(updated) == len(pods) == available == squad["spec"]["replicas"]
        status = {
            "observedGeneration": squad["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": len(updated),
            "availableReplicas": available,
            "currentRevision": newest if whole else current,
            "updateRevision": newest,
            "selector": selector_of(squad),
        }
        if status != squad.get("status"):
            metadata, body = squad["metadata"], {"status": status}
            await self._client.patch(
                SQUADS, metadata["namespace"], metadata["name"], body, style=PatchStyle.MERGE, subresource="status"
            )

    async def _owned(self, resource: Resource, squad: Json) -> list[Json]:
        page = await self._client.list_all(resource, squad["metadata"]["namespace"], label_selector=selector_of(squad))
        found = [decode(raw, dict) for raw in page.items]
        return [each for each in found if owner_of(each) == squad["metadata"]["uid"]]


def hashed(template: Json) -> str:
    return hashlib.sha256(msgspec.json.encode(template, order="sorted")).hexdigest()[:10]


def owned_by(squad: Json) -> Json:
    metadata = squad["metadata"]
    owner = {"apiVersion": SQUADS.api_version, "kind": SQUADS.kind, "name": metadata["name"], "uid": metadata["uid"]}
    return {"ownerReferences": [{**owner, "controller": True}]}


def owner_of(found: Json) -> str:
    owners = found["metadata"].get("ownerReferences") or ()
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")


def selector_of(squad: Json) -> str:
    return ",".join(f"{name}={value}" for name, value in squad["spec"]["selector"]["matchLabels"].items())


def template_of(pod: Json) -> str:
    return str(pod["metadata"]["labels"][TEMPLATE_LABEL])


def is_alive(pod: Json) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and pod["status"].get("phase") not in {"Failed", "Succeeded"}


def is_ready(pod: Json) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


@asynccontextmanager
async def running(sandbox: SandboxState) -> AsyncIterator[None]:
    """The controller as a task, with all rights; its failure is its user's, at once and not when a wait has run out."""
    kubeconfig = str(sandbox.kubeconfig_directory / "admin.yaml")
    async with (
        await KubernetesClient.connect(kubeconfig, field_manager="squad-controller") as client,
        asyncio.TaskGroup() as group,
    ):
        task = group.create_task(SquadController(client).run())
        yield
        task.cancel()
    await asyncio.sleep(SOCKETS_CLOSE_S)
