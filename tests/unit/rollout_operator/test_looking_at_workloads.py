"""When the cache is believed of a workload, and when it is read live: a client that notes what it was asked."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from support.kruise_rollouts import rollout

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.objects import ListPage, NotFound
from tidegate_chassis.kubernetes.resources import DEPLOYMENTS, Resource
from tidegate_contracts.workload import WorkloadKey
from tidegate_rollout_operator.identities import GONE, UNKNOWN, Workload
from tidegate_rollout_operator.naming import names
from tidegate_rollout_operator.view import View
from tidegate_rollout_operator.workloads import Workloads

KEY = WorkloadKey("default", "shop", "deployment.apps", "web")


class Client:
    """In the place of the Kubernetes client."""

    def __init__(self, live: Workload | NotFound | Permanent, served: Resource | NotFound = DEPLOYMENTS) -> None:
        self.live = live
        self.served = served
        self.asked: list[str] = []

    async def discover(self, *_: object) -> Resource | NotFound:
        return self.served

    async def read(self, *_: object) -> Workload | NotFound:
        self.asked.append("the workload")
        if isinstance(self.live, Permanent):
            raise self.live
        return self.live

    async def list_all(self, resource: Resource, _: str, *, label_selector: str) -> ListPage:
        self.asked.append(f"{resource.plural} with {label_selector}")
        return ListPage([record("old", 1), record("new", 2), record("foreign", 9, owner="another")], "1", "")


def workload(generation: int = 3, version: str = "7") -> Workload:
    metadata = {
        "name": "web",
        "namespace": "shop",
        "uid": "u",
        "generation": generation,
        "resourceVersion": version,
    }
    spec = {"template": {}, "selector": {"matchLabels": {"app": "web", "tier": "front"}}}
    document = {"metadata": metadata, "spec": spec, "status": {"observedGeneration": generation}}
    return msgspec.json.decode(msgspec.json.encode(document), type=Workload)


def record(hash_: str, number: int, owner: str = "u") -> msgspec.Raw:
    metadata = {
        "labels": {"pod-template-hash": hash_},
        "annotations": {"deployment.kubernetes.io/revision": f"{number}"},
        "ownerReferences": [{"uid": owner, "controller": True}],
    }
    return msgspec.Raw(msgspec.json.encode({"metadata": metadata}))


def looking(client: Client, cached: Workload | None = None) -> Workloads:
    made: Any = Workloads(client, "default")  # type: ignore[arg-type]
    if cached is not None:
        made._follow(DEPLOYMENTS).store.put(cached)
    workloads: Workloads = made
    return workloads


async def test_a_workload_that_rests_is_named_by_its_newest_record() -> None:
    client = Client(workload())
    workloads = looking(client)
    found = await workloads.identity(rollout(), KEY, View())
    assert (found.there, found.generation, found.stable) == (True, 3, "new")
    assert client.asked == ["the workload", "replicasets with app=web,tier=front"]
    await workloads.identity(rollout(), KEY, View())
    assert client.asked[2:] == ["the workload"], "its records are asked for once for each generation"


async def test_what_a_status_says_already_needs_no_look() -> None:
    client = Client(workload())
    workloads = looking(client, cached=workload())
    made = rollout()
    found = await workloads.identity(made, KEY, View())
    told = names(made, View(), found, edited=False)
    client.asked.clear()
    assert await workloads.identity(replace(made, status={"canaryStatus": told}), KEY, View()) == found
    assert client.asked == []


@pytest.mark.parametrize("told", [{}, {"observedWorkloadGeneration": 4}])
async def test_a_cache_that_says_another_thing_is_not_believed(told: dict[str, Any]) -> None:
    workloads = looking(Client(workload(generation=5, version="9")), cached=workload())
    made = replace(rollout(), status={"canaryStatus": told})
    assert (await workloads.identity(made, KEY, View())).generation == 5


async def test_what_is_not_there_and_what_may_not_be_read_are_told_apart() -> None:
    missing = NotFound("deployments.apps", "shop", "web")
    assert await looking(Client(missing)).identity(rollout(), KEY, View()) == GONE
    assert await looking(Client(workload(), served=missing)).identity(rollout(), KEY, View()) == GONE
    forbidden = Permanent("forbidden", code="forbidden", rule="a role that may read it")
    assert await looking(Client(forbidden)).identity(rollout(), KEY, View()) == UNKNOWN
