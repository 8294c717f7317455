"""Reading a workload live: whose pods are looked for, and which revisions are known by their templates."""

from typing import Any

import msgspec
from msgspec.structs import replace

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import ListPage
from tidegate_chassis.kubernetes.resources import REPLICA_SETS, Resource
from tidegate_workload_controller.kinds.deployment import ANATOMY
from tidegate_workload_controller.kinds.reading import Reading, read_live
from tidegate_workload_controller.seen import LabelSelector, Revision, View

HOLD = ANATOMY.holds["partition"]
TEMPLATE = {"spec": {"containers": [{"name": "app", "image": "web:v1"}]}}


class OneDeployment(KubernetesClient):
    """In the place of the API server: one Deployment with one ReplicaSet, which only its own selector finds."""

    def __init__(self, **labels: str) -> None:
        self.labels = labels
        self.asked: list[str] = []

    async def get(self, *_: Any, **__: Any) -> bytes:
        spec = {"selector": {"matchLabels": self.labels}, "template": TEMPLATE}
        return msgspec.json.encode({"metadata": {"name": "web", "uid": "web-uid", "generation": 3}, "spec": spec})

    async def list_all(self, resource: Resource, *_: Any, label_selector: str = "", **__: Any) -> ListPage:
        self.asked.append(label_selector)
        found = resource is REPLICA_SETS and label_selector == ",".join(f"{a}={b}" for a, b in self.labels.items())
        owner = {"uid": "web-uid", "controller": True}
        metadata = {"name": "web-1", "uid": "set-uid", "labels": {"pod-template-hash": "1"}, "ownerReferences": [owner]}
        raw = msgspec.json.encode({"metadata": metadata, "spec": {"replicas": 1, "template": TEMPLATE}})
        return ListPage([msgspec.Raw(raw)] if found else [], "7", "")


async def looked(client: OneDeployment, reading: Reading, selector: LabelSelector | None) -> View:
    view = await read_live(client, "shop", "web", reading=reading, hold=HOLD, selector=selector)
    assert view is not None
    return view


async def test_the_selector_of_a_namesake_that_is_gone_finds_nobody_elses_pods() -> None:
    client = OneDeployment(app="new")
    view = await looked(client, Reading(ANATOMY), LabelSelector(match_labels={"app": "old"}))
    assert [each.name for each in view.revisions] == ["1"]
    assert client.asked == ["app=old", "app=old", "app=new", "app=new"]


async def test_a_revision_is_unread_until_its_template_was_seen() -> None:
    reading = Reading(ANATOMY)
    view = await looked(OneDeployment(app="web"), reading, LabelSelector(match_labels={"app": "web"}))
    assert not view.unread
    known = view.revisions[0]
    further = replace(known, name="2", object_name="web-2", uid="another-uid")
    assert not _seen(reading, view, known).unread
    assert _seen(reading, view, known, further).unread


def _seen(reading: Reading, view: View, *revisions: Revision) -> View:
    return reading.view(view.workload, revisions, [], HOLD, live=False)
