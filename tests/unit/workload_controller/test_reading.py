"""Reading a workload live: in which order, and which revisions are known by their templates."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import ListPage
from tidegate_chassis.kubernetes.resources import REPLICA_SETS, Resource
from tidegate_workload_controller.kinds.deployment import ANATOMY
from tidegate_workload_controller.kinds.reading import Reading, read_live
from tidegate_workload_controller.seen import Revision, View

HOLD = ANATOMY.holds["partition"]
TEMPLATE = {"spec": {"containers": [{"name": "app", "image": "web:v1"}]}}


class OneDeployment(KubernetesClient):
    """In the place of the API server: one Deployment with one ReplicaSet and its pods, found by their own selector.

    `on_read` is called at the end of each read, with what was read: the world may change in between.
    """

    def __init__(self, on_read: Callable[[Resource], None] = lambda _: None) -> None:
        self.pods = ["web-1-a", "web-1-b"]
        self._on_read = on_read

    async def get(self, resource: Resource, *_: Any, **__: Any) -> bytes:
        spec = {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}
        answer = msgspec.json.encode({"metadata": {"name": "web", "uid": "web-uid", "generation": 3}, "spec": spec})
        await asyncio.sleep(0)
        self._on_read(resource)
        return answer

    async def list_all(self, resource: Resource, *_: Any, label_selector: str = "", **__: Any) -> ListPage:
        assert label_selector == "app=web"
        told = len(self.pods)
        found = {REPLICA_SETS: [_owned("web-1", "web-uid", "set-uid", {"replicas": told, "template": TEMPLATE})]}
        page = found.get(resource) or [_owned(name, "set-uid", f"{name}-uid", {}) for name in self.pods]
        await asyncio.sleep(0)
        self._on_read(resource)
        return ListPage(page, "7", "")


def _owned(name: str, owner: str, uid: str, spec: dict[str, Any]) -> msgspec.Raw:
    owners = [{"uid": owner, "controller": True}]
    metadata = {"name": name, "uid": uid, "labels": {"pod-template-hash": "1"}, "ownerReferences": owners}
    return msgspec.Raw(msgspec.json.encode({"metadata": metadata, "spec": spec}))


async def looked(client: OneDeployment, reading: Reading) -> View:
    view = await read_live(client, "shop", "web", reading=reading, hold=HOLD)
    assert view is not None
    return view


async def test_what_is_done_at_a_workloads_word_is_never_older_than_the_workload() -> None:
    def remove_one(resource: Resource) -> None:
        if resource == ANATOMY.resource:
            client.pods.pop()

    client = OneDeployment(remove_one)
    view = await looked(client, Reading(ANATOMY))
    assert [pod.metadata.name for pod in view.pods] == ["web-1-a"]
    assert [each.told for each in view.revisions] == [1]


async def test_a_revision_is_unread_until_its_template_was_seen() -> None:
    reading = Reading(ANATOMY)
    view = await looked(OneDeployment(), reading)
    assert not view.unread
    known = view.revisions[0]
    further = replace(known, name="2", object_name="web-2", uid="another-uid")
    assert not _seen(reading, view, known).unread
    assert _seen(reading, view, known, further).unread


def _seen(reading: Reading, view: View, *revisions: Revision) -> View:
    return reading.view(view.workload, revisions, [], HOLD, live=False)
