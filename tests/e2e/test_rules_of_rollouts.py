"""Each of Kruise's rules for Rollouts, asked of a real API server with the shipped definition and webhooks, in both
versions of the API; and Rollouts that are written in one version, and read and edited in the other.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support.guarded import guarded_world
from support.releases import OLD_ROLLOUTS
from support.rollout_rules import (
    BAD,
    BAD_BEFORE,
    CHANGES,
    DEPLOYMENT,
    GOOD,
    GOOD_BEFORE,
    RULES,
    STEPS,
    STYLE,
    former,
    in_former,
    of,
    spec,
)

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_demo.scenario import kubectl
from tidegate_rollout_operator.conversion import FORMER, STORED_SPEC, converted
from tidegate_rollout_operator.kruise import ROLLOUTS
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
HEARD_WITHIN_S = 10
NAMESPACE = "default"
UNDER_WAY = "under-way"
PHASES = {UNDER_WAY: "Progressing", "ending": "Terminating", "at-rest": "Healthy"}
"""Rollouts by name, which is their namespace's, too: two of one namespace may not have one workload."""

FIXED = pytest.mark.parametrize("place", [UNDER_WAY, "ending"])

HELD = "held"
"""The namespace of the one that is being deleted."""
EDITED = "edited"
"""The namespace of those that are edited in both versions."""


class Server:
    """The API server, asked whether it would store something."""

    def __init__(self, client: KubernetesClient) -> None:
        self.client = client

    async def refusal(self, spec: dict[str, Any], resource: Resource) -> str:
        return await self.refusal_of(document(spec, resource), resource)

    async def refusal_of(self, body: dict[str, Any], resource: Resource, namespace: str = NAMESPACE) -> str:
        """Why a new Rollout is refused; empty where it isn't."""
        try:
            await self.client.create(resource, namespace, body, dry_run=True)
        except Permanent as error:
            return error.reason
        return ""

    async def read(self, name: str, resource: Resource) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.client.get(resource, EDITED, name))
        return found

    async def refusal_of_change(self, spec: dict[str, Any], resource: Resource, name: str) -> str:
        """Why the Rollout of a namespace, called as that is, may not become this one."""
        body = document(spec, resource)
        annotations = body["metadata"].get("annotations", {})
        patch = [
            {"op": "replace", "path": "/spec", "value": body["spec"]},
            {"op": "add", "path": "/metadata/annotations", "value": annotations},
        ]
        try:
            await self.client.patch(resource, name, name, patch, style=PatchStyle.JSON, dry_run=True)
        except Permanent as error:
            return error.reason
        return ""


def document(spec: dict[str, Any], resource: Resource, name: str = "asked") -> dict[str, Any]:
    made = {"apiVersion": ROLLOUTS.api_version, "kind": "Rollout", "metadata": {"name": name}, "spec": spec}
    if resource == ROLLOUTS:
        return made
    shown = converted(made, FORMER)
    shown.pop("status", None)
    shown["metadata"].get("annotations", {}).pop(STORED_SPEC, None)
    return shown


def said_in_former(cases: dict[str, Any]) -> list[str]:
    """Those that v1alpha1 has words for."""
    specs = {name: case if isinstance(case, dict) else case[0] for name, case in cases.items()}
    return [name for name, spec in specs.items() if _said(spec) == spec]


def _said(spec: dict[str, Any]) -> dict[str, Any]:
    """What is left of a spec that v1alpha1 has said, without the default that it spells out."""
    found: dict[str, Any] = converted(document(spec, OLD_ROLLOUTS), ROLLOUTS.api_version)["spec"]
    block = found["strategy"].get("canary", {})
    if block.get("enableExtraWorkloadForCanary") is False:
        del block["enableExtraWorkloadForCanary"]
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(own_bare_sandbox: SandboxState, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    services = ("workload-controller", "rollout-operator")
    kubeconfig = str(own_bare_sandbox.kubeconfig_directory / "admin.yaml")
    async with (
        guarded_world(own_bare_sandbox, tmp_path_factory.mktemp("rules"), services) as world,
        await KubernetesClient.connect(kubeconfig, field_manager="a-user") as client,
    ):
        await world.trusted("customresourcedefinition", ROLLOUTS.qualified_plural)
        await world.trusted("validatingwebhookconfiguration", "tidegate-rollouts")
        for namespace in (*PHASES, HELD, EDITED):
            await kubectl(own_bare_sandbox, "create", "namespace", namespace)
        for name, phase in PHASES.items():
            await _put(client, name, phase)
        yield Server(client)


async def _put(client: KubernetesClient, name: str, phase: str) -> None:
    """As Kruise's own controller left it; where its release is under way, the operator leaves it there."""
    await client.create(ROLLOUTS, name, document(STEPS, ROLLOUTS, name))
    status = {"status": {"phase": phase, "message": "", "currentStepIndex": 0, "currentStepState": ""}}
    await client.patch(ROLLOUTS, name, name, status, style=PatchStyle.MERGE, subresource="status")


@pytest.mark.parametrize("name", GOOD)
async def test_what_kruise_accepts_is_stored(server: Server, name: str) -> None:
    assert await server.refusal(GOOD[name], ROLLOUTS) == ""


@pytest.mark.parametrize("name", said_in_former(GOOD))
async def test_what_kruise_accepts_is_stored_in_v1alpha1(server: Server, name: str) -> None:
    assert await server.refusal(GOOD[name], OLD_ROLLOUTS) == ""


@pytest.mark.parametrize("name", BAD)
async def test_a_fault_is_refused_with_its_field(server: Server, name: str) -> None:
    given, field = BAD[name]
    assert field in await server.refusal(given, ROLLOUTS)


SHARES = RULES["traffic is a percentage"][1]
"""What v1alpha1 lets pass: a weight beside replicas is not judged there."""


@pytest.mark.parametrize("name", [name for name in said_in_former(BAD) if name not in SHARES])
async def test_a_fault_is_refused_in_v1alpha1_with_the_field_that_was_written(server: Server, name: str) -> None:
    given, field = BAD[name]
    assert f"{in_former(field)}: " in await server.refusal(given, OLD_ROLLOUTS)


@pytest.mark.parametrize("name", BAD_BEFORE)
async def test_what_is_written_in_v1alpha1_is_refused_by_its_own_rules(server: Server, name: str) -> None:
    given, field = BAD_BEFORE[name]
    assert f"{field}: " in await server.refusal_of(given, OLD_ROLLOUTS)


@pytest.mark.parametrize("name", GOOD_BEFORE)
async def test_what_is_written_in_v1alpha1_is_stored_by_its_own_rules(server: Server, name: str) -> None:
    assert await server.refusal_of(GOOD_BEFORE[name], OLD_ROLLOUTS) == ""


async def test_a_workload_has_one_rollout_until_that_is_gone(server: Server) -> None:
    another = document(STEPS, ROLLOUTS)
    assert "spec.workloadRef" in await server.refusal_of(another, ROLLOUTS, UNDER_WAY)
    before = await server.refusal_of(document(STEPS, OLD_ROLLOUTS), OLD_ROLLOUTS, UNDER_WAY)
    assert "spec.objectRef.workloadRef: " in before
    held = document(STEPS, ROLLOUTS, "held")
    held["metadata"]["finalizers"] = ["example.com/kept"]
    made = json.loads(await server.client.create(ROLLOUTS, HELD, held))
    await server.client.delete(ROLLOUTS, HELD, "held", uid=made["metadata"]["uid"])
    await _until_heard_of(server, {**STEPS, "workloadRef": {**STEPS["workloadRef"], "name": "later"}})
    assert "wait until it is gone" in await server.refusal_of(another, ROLLOUTS, HELD)


async def _until_heard_of(server: Server, spec: dict[str, Any]) -> None:
    """The webhook answers from what its operator has heard: all that came before a Rollout that it knows of."""
    await server.client.create(ROLLOUTS, HELD, document(spec, ROLLOUTS, "later"))
    async with asyncio.timeout(HEARD_WITHIN_S):
        while not await server.refusal_of(document(spec, ROLLOUTS), ROLLOUTS, HELD):
            pass


@FIXED
@pytest.mark.parametrize("name", CHANGES)
async def test_what_a_release_stands_on_is_fixed(server: Server, name: str, place: str) -> None:
    given, field = CHANGES[name]
    assert f"{field}: " in await server.refusal_of_change(given, ROLLOUTS, place)


@FIXED
@pytest.mark.parametrize("name", said_in_former(CHANGES))
async def test_what_a_release_stands_on_is_fixed_in_v1alpha1_but_for_the_number_of_steps(
    server: Server, name: str, place: str
) -> None:
    given, field = CHANGES[name]
    refused = await server.refusal_of_change(given, OLD_ROLLOUTS, place)
    told = f"metadata.annotations[{STYLE}]" if field == "spec.strategy" else in_former(field)
    assert (f"{told}: " in refused) is not field.endswith(".steps"), refused


@pytest.mark.parametrize("resource", [ROLLOUTS, OLD_ROLLOUTS], ids=["v1beta1", "v1alpha1"])
async def test_what_steps_say_may_change_at_any_time_and_the_rest_between_releases(
    server: Server, resource: Resource
) -> None:
    steps = spec({"replicas": "30%", "traffic": "5%", "pause": {"duration": 7}}, {"replicas": "60%"})
    for place in PHASES:
        assert await server.refusal_of_change(steps, resource, place) == ""
    former_words = said_in_former(CHANGES)
    for name, (given, _) in CHANGES.items():
        if resource == ROLLOUTS or name in former_words:
            assert await server.refusal_of_change(given, resource, "at-rest") == "", name


RICH: dict[str, Any] = {
    "workloadRef": DEPLOYMENT,
    "strategy": {
        "onFailure": "Pause",
        "deadlines": {"progressSeconds": 77},
        "canary": {
            "trafficRoutings": [{"service": "web", "gracePeriodSeconds": 3, "gateway": {"httpRouteName": "web"}}],
            "steps": [
                {"replicas": "10%", "traffic": "10%", "analysis": {"podHealth": {"restartsMaximum": 1}}},
                {"replicas": "20%", "matches": [{"path": {"type": "Exact", "value": "/new"}}], "pause": {}},
                {"replicas": "100%", "analysis": {"podHealth": {"restartsMaximum": 3}}},
            ],
        },
    },
}
"""With what only v1beta1 can say: of the strategy, of steps, and of a match."""


async def test_an_edit_in_v1alpha1_leaves_what_only_v1beta1_says(server: Server) -> None:
    await server.client.create(ROLLOUTS, EDITED, document(RICH, ROLLOUTS, "rich"))
    steps = "/spec/strategy/canary/steps"
    patch = [
        {"op": "replace", "path": f"{steps}/0/weight", "value": 15},
        {"op": "add", "path": f"{steps}/1/pause/duration", "value": 60},
        {"op": "add", "path": f"{steps}/2", "value": {"replicas": "50%", "weight": 50}},
        {"op": "add", "path": "/spec/strategy/paused", "value": True},
    ]
    await server.client.patch(OLD_ROLLOUTS, EDITED, "rich", patch, style=PatchStyle.JSON)
    wanted = deepcopy(RICH) | {"disabled": False}
    wanted["strategy"]["paused"] = True
    first, second, last = wanted["strategy"]["canary"]["steps"]
    first["traffic"], second["pause"] = "15%", {"duration": 60}
    wanted["strategy"]["canary"]["steps"] = [first, second, {"replicas": "50%", "traffic": "50%"}, last]
    stored = await server.read("rich", ROLLOUTS)
    assert stored["spec"] == wanted


@pytest.mark.parametrize("part", ["", "status"])
async def test_who_replaces_it_in_v1alpha1_without_annotations_leaves_what_only_v1beta1_says(
    server: Server, own_bare_sandbox: SandboxState, tmp_path: Path, part: str
) -> None:
    """As a client does that knows nothing of ours: it writes all that it has of the object, and no annotation."""
    name = f"replaced{part}"
    workload = DEPLOYMENT | {"name": name}
    await server.client.create(ROLLOUTS, EDITED, document(RICH | {"workloadRef": workload}, ROLLOUTS, name))
    stored = await server.read(name, ROLLOUTS)
    shown = await server.read(name, OLD_ROLLOUTS)
    shown["spec"]["strategy"]["canary"]["steps"][0]["weight"] = 15
    whole = {
        **{each: shown[each] for each in ("apiVersion", "kind", "spec")},
        "metadata": {"name": name, "namespace": EDITED} | ({} if part else {"annotations": {STYLE: "partition"}}),
        "status": {"message": "said"},
    }
    file = tmp_path / "replaced.json"
    file.write_text(json.dumps(whole))
    await kubectl(own_bare_sandbox, "replace", "-f", str(file), *([f"--subresource={part}"] if part else []))
    wanted = deepcopy(stored["spec"])
    if not part:
        wanted["strategy"]["canary"]["steps"][0]["traffic"] = "15%"
    assert (await server.read(name, ROLLOUTS))["spec"] == wanted
    assert STORED_SPEC in (await server.read(name, OLD_ROLLOUTS))["metadata"]["annotations"]


async def test_what_is_written_in_v1alpha1_is_read_there_as_it_was_written(server: Server) -> None:
    given = former({"weight": 20}, {"replicas": "30%", "weight": 25}, {"replicas": "100%"}, style="canary")
    given["metadata"]["name"] = "before"
    given["spec"] |= {"rolloutID": "42", "disabled": False, "objectRef": {"workloadRef": of("StatefulSet")}}
    await server.client.create(OLD_ROLLOUTS, EDITED, given)
    assert (await server.read("before", OLD_ROLLOUTS))["spec"] == given["spec"]
    more = {"metadata": {"labels": {"team": "shop"}}, "spec": {"strategy": {"paused": True}}}
    await server.client.patch(ROLLOUTS, EDITED, "before", more, style=PatchStyle.MERGE)
    shown = await server.read("before", OLD_ROLLOUTS)
    given["spec"]["strategy"]["paused"] = True
    assert (shown["spec"], STORED_SPEC in shown["metadata"]["annotations"]) == (given["spec"], False)
