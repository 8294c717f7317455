"""A TrafficRouting that the releases of several Rollouts hold: its requests are marked as long as one of them lasts."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.kruise_rollouts import steps
from support.rollout_service import Shop, Status, shop
from support.sandbox import kubectl
from support.traffic import route, service

from tidegate_chassis.kubernetes.resources import HTTP_ROUTES, SERVICES
from tidegate_contracts.guards import GuardSet
from tidegate_rollout_operator.traffic_routing import TRAFFIC_ROUTINGS
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(180)]

V2 = "v2_ready-0.1"
HELD = {"rollouts.kruise.io/trafficrouting": "entry"}
RESOURCE = "trafficroutings.rollouts.kruise.io"


def entry(**strategy: Any) -> dict[str, Any]:
    return {
        "apiVersion": TRAFFIC_ROUTINGS.api_version,
        "kind": TRAFFIC_ROUTINGS.kind,
        "metadata": {"name": "entry"},
        "spec": {"objectRef": [{"service": "web", "gateway": {"httpRouteName": "web"}}], "strategy": strategy},
    }


AWAITED = "it waits for TrafficRouting entry"
MARK = {"set": [{"name": "x-release", "value": "next"}]}


def paused(status: Status) -> bool:
    return bool(status.get("currentStepState") == "StepPaused")


def healthy(status: Status) -> bool:
    return bool(status.get("phase") == "Healthy")


async def until_routing(made: Shop, phase: str, message: str) -> dict[str, Any]:
    def there(found: list[dict[str, Any]]) -> bool:
        status = found[0].get("status", {})
        return (status.get("phase"), status.get("message")) == (phase, message)

    (found,) = await made.until_found(TRAFFIC_ROUTINGS, there, f"{phase}: {message}")
    return found


async def started(made: Shop) -> None:
    """A release that waits at its first step, of a Rollout that holds `entry`."""
    await made.create_workload(replicas=2)
    await made.create(steps=steps("50%", "100%", pause={}), annotations=HELD)
    await made.until_guarded(lambda guard: isinstance(guard, GuardSet), "guarded")
    await made.until(healthy, "healthy")
    await made.ask(f"g-{made.name}", V2)
    await made.until(paused, "paused")


async def approved(made: Shop) -> None:
    await made.patch_status(currentStepState="StepReady")
    await made.until(healthy, "ended")


async def routed(made: Shop) -> tuple[Any, Any]:
    """All of the route that is its user's."""
    (found,) = await made.found(HTTP_ROUTES)
    return found["spec"], found["metadata"].get("annotations")


async def test_it_is_held_as_long_as_one_of_the_releases_lasts_and_given_back_as_it_was(
    sandbox: SandboxState, namespace: str, tmp_path: Path
) -> None:
    async with shop(sandbox, namespace, tmp_path) as (web, processes):
        await processes.start("orchestrator", "workload-controller", "traffic-shifter")
        await processes.start("rollout-operator", "rollout-operator")
        shops = web, web.beside("shop")
        await web.apply(SERVICES, service())
        await web.apply(HTTP_ROUTES, route(f"{namespace}.example"))
        await web.apply(TRAFFIC_ROUTINGS, entry(weight=20, requestHeaderModifier=MARK))
        await until_routing(web, "Healthy", "no release holds it")
        before = await routed(web)
        await asyncio.gather(*(started(each) for each in shops))
        both = await until_routing(web, "Progressing", "requests are marked for shop, web")
        held = [each for each in both["metadata"]["finalizers"] if each.startswith("progressing.rollouts.kruise.io/")]
        assert sorted(held) == [f"progressing.rollouts.kruise.io/{name}" for name in ("shop", "web")]
        (rule,) = (await routed(web))[0]["rules"]
        assert [each["weight"] for each in rule["backendRefs"]] == [80, 20]
        status = ((await web.read()) or {})["status"]
        assert [each["reason"] for each in status["conditions"] if each["type"] == "TrafficRouting"] == ["Found"]
        await approved(web)
        await until_routing(web, "Progressing", "requests are marked for shop")
        kubectl(sandbox, "patch", RESOURCE, "entry", "-n", namespace, "--type=merge", "-p", WEIGHT_40)
        await web.until_found(HTTP_ROUTES, lambda found: weights(found) == [60, 40], "the edit is carried")
        await approved(shops[1])
        await until_routing(web, "Healthy", "no release holds it")
        assert await routed(web) == before
        kubectl(sandbox, "delete", RESOURCE, "entry", "-n", namespace, "--timeout=20s")
        missing = await web.until(lambda status: reason_of(status) == "Missing", "missing")
        assert healthy(missing)
        await web.ask("g-again", "v3_ready-0.1")
        waiting = await web.until(lambda status: AWAITED in status.get("message", ""), "waits")
        assert (waiting["phase"], waiting["currentStepState"]) == ("Progressing", "BeforeStepUpgrade")
        await web.apply(TRAFFIC_ROUTINGS, entry(weight=20, requestHeaderModifier=MARK))
        await web.until(paused, "went on by itself")
        await until_routing(web, "Progressing", "requests are marked for web")
        await approved(web)


WEIGHT_40 = '{"spec": {"strategy": {"weight": 40}}}'


def weights(found: list[dict[str, Any]]) -> list[int]:
    return [each["weight"] for each in found[0]["spec"]["rules"][0]["backendRefs"]]


def reason_of(status: Status) -> str:
    found = [each["reason"] for each in status.get("conditions", []) if each["type"] == "TrafficRouting"]
    return found[0] if found else ""
