"""Rollouts written as users do, and the guards that stand on the bus for them: real API server, real bus."""

from pathlib import Path
from typing import Any

import pytest
from support.kruise_rollouts import AUTHOR, JUDGED, WEB, manifest, read, steps
from support.rollout_service import Shop, shop

from tidegate_contracts.guards import GuardRemoved, GuardSet
from tidegate_rollout_operator.kruise import FINALIZER, PLAN_HASH
from tidegate_rollout_operator.template_hash import template_hash
from tidegate_rollout_operator.translate import guard_of, translate
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(180)]


async def test_a_guard_stands_as_long_as_its_rollout_is_in_force(
    sandbox: SandboxState, namespace: str, tmp_path: Path
) -> None:
    async with shop(sandbox, namespace, tmp_path) as (made, processes):
        await processes.start("rollout-operator", "rollout-operator")
        await made.create()
        status = await made.until(lambda status: status.get("phase") == "Initial", "the workload is missed")
        assert (status["message"], "canaryStatus" in status) == ("Workload Not Found", False)
        await made.create_workload()
        status = await made.until(_is_named, "healthy, and named")
        assert status["message"] == "rollout is healthy"
        await _check_names(made, status["canaryStatus"])
        applied = read(manifest(namespace=namespace))
        assert await made.guard() == guard_of(applied, translate(applied))  # type: ignore[arg-type]
        found = await made.read()
        assert found is not None
        assert FINALIZER in found["metadata"]["finalizers"]
        header, row = made.columns()
        assert header.split() == ["NAME", "STATUS", "CANARY_STEP", "CANARY_STATE", "MESSAGE", "AGE"]
        assert row.split()[:3] == ["web", "Healthy", "2"]

        plan = found["metadata"]["annotations"][PLAN_HASH]
        assert plan == status["canaryStatus"]["rolloutHash"]

        await made.edit({"strategy": {"canary": {"steps": steps("50%", "100%")}}})
        await made.until_guarded(
            lambda guard: isinstance(guard, GuardSet) and guard.request.steps[0].replicas == "50%", "the edit counts"
        )
        await made.until(lambda status: status["canaryStatus"]["rolloutHash"] != plan, "the plan is another")
        await made.edit({"disabled": True})
        await made.until(lambda status: status.get("phase") == "Disabled", "disabled")
        assert await made.guard() == GuardRemoved(workload=WEB, by=AUTHOR)
        await made.edit({"disabled": False})
        await made.until_guarded(lambda guard: isinstance(guard, GuardSet), "guarded again")
        await made.delete()
        await made.until_gone()
        assert await made.guard() == GuardRemoved(workload=WEB, by=AUTHOR)


async def test_whatever_an_analysis_says_reaches_the_guard(
    sandbox: SandboxState, namespace: str, tmp_path: Path
) -> None:
    """The API server has taken nothing out of it."""
    block = {"steps": [{"replicas": "20%", "analysis": JUDGED}, *steps("100%")]}
    async with shop(sandbox, namespace, tmp_path) as (made, processes):
        await processes.start("rollout-operator", "rollout-operator")
        await made.create(**block)
        await made.until_guarded(lambda guard: isinstance(guard, GuardSet), "guarded")
        guard = await made.guard()
        await made.edit({"strategy": {"analysis": {"podHealth": {}}, "analysisFromStep": 2}})
        await made.until_guarded(
            lambda guard: isinstance(guard, GuardSet) and guard.request.analysis_from_step == 2,
            "its analysis begins with the second step",
        )
    assert isinstance(guard, GuardSet)
    applied = read(manifest(namespace=namespace, **block))
    assert guard == guard_of(applied, translate(applied))  # type: ignore[arg-type]
    assert guard.request.steps[0].analysis.score is not None


def _is_named(status: dict[str, Any]) -> bool:
    return status.get("phase") == "Healthy" and bool(status["canaryStatus"]["stableRevision"])


async def _check_names(made: Shop, told: dict[str, Any]) -> None:
    """As Kruise names the version of a Deployment that rests."""
    workload = await made.workload()
    revision = template_hash(workload["spec"]["template"])
    assert told["canaryRevision"] == told["observedRolloutID"] == revision
    assert told["observedWorkloadGeneration"] == workload["metadata"]["generation"]
    assert told["stableRevision"] == told["podTemplateHash"] == await made.pod_template_hash()
    assert revision != told["stableRevision"]


async def test_a_strategy_that_cannot_be_carried_guards_nothing_and_says_so(
    sandbox: SandboxState, namespace: str, tmp_path: Path
) -> None:
    async with shop(sandbox, namespace, tmp_path) as (made, processes):
        await processes.start("rollout-operator")
        await made.create(trafficRoutings=[{"service": "web", "ingress": {"name": "web", "classType": "no class"}}])
        status = await made.until(lambda status: bool(status.get("conditions")), "told")
        (accepted,) = [each for each in status["conditions"] if each["type"] == "Accepted"]
        assert (accepted["status"], accepted["reason"]) == ("False", "NotCarried")
        assert "trafficRoutings[0].ingress" in accepted["message"]
        assert await made.guard() is None


async def test_the_older_of_two_rollouts_counts_and_a_workload_left_behind_is_not_guarded(
    sandbox: SandboxState, namespace: str, tmp_path: Path
) -> None:
    async with shop(sandbox, namespace, tmp_path) as (made, processes):
        await made.create()
        await made.create(name="younger", steps=steps("50%"))
        await processes.start("rollout-operator")
        status = await made.until(lambda status: status.get("phase") == "Initial", "refused", name="younger")
        assert "one Rollout for a workload" in status["message"]
        await made.until_guarded(lambda guard: isinstance(guard, GuardSet) and guard.by == AUTHOR, "guarded")
        elsewhere = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "elsewhere"}
        await made.edit({"workloadRef": elsewhere})
        await made.until_guarded(
            lambda guard: isinstance(guard, GuardSet) and guard.by == "Rollout younger", "the other one guards it"
        )
        await made.edit({"workloadRef": elsewhere}, name="younger")
        await made.until_guarded(lambda guard: isinstance(guard, GuardRemoved), "nobody guards it")


@pytest.mark.parametrize("style", ["canary", "blueGreen"])
async def test_all_that_kruises_users_write_is_kept_with_kruises_defaults(
    sandbox: SandboxState, namespace: str, tmp_path: Path, style: str
) -> None:
    header = {"name": "user", "value": "ann"}
    matches = [
        {"headers": [header, header | {"type": "RegularExpression"}], "path": {"type": "Exact", "value": "/api"}},
        {"queryParams": [{"type": "Exact", "name": "beta", "value": "1"}], "path": {}},
    ]
    modifier = {"set": [{"name": "version", "value": "new"}], "remove": ["old"]}
    routing = {
        "service": "web",
        "ingress": {"classType": "nginx", "name": "web"},
        "gateway": {"httpRouteName": "web"},
        "customNetworkRefs": [{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": "web"}],
    }
    block = {
        "steps": [
            {"replicas": 1, "traffic": "5%", "matches": matches, "requestHeaderModifier": modifier},
            {"replicas": "50%", "pause": {"duration": 30}},
        ],
        "trafficRoutings": [routing],
        "failureThreshold": "10%",
        "disableGenerateCanaryService": True,
        "trafficRoutingRef": "web",
        "patchPodTemplateMetadata": {"labels": {"track": "new"}, "annotations": {"note": "new"}},
        "enableExtraWorkloadForCanary": True,
    }
    if style == "blueGreen":
        del block["patchPodTemplateMetadata"], block["enableExtraWorkloadForCanary"]
    async with shop(sandbox, namespace, tmp_path) as (made, _):
        await made.create(style=style, paused=True, **block)
        found = await made.read()
    assert found is not None
    matches[0]["headers"][0] = header | {"type": "Exact"}  # type: ignore[index]
    matches[1]["path"] = {"type": "PathPrefix", "value": "/"}
    routing["gracePeriodSeconds"] = 3
    assert found["spec"]["disabled"] is False
    assert found["spec"]["strategy"] == {style: block, "paused": True}
