"""The model that the properties stand on, compared with the real native controller case by case."""

import asyncio
from typing import Any

import pytest
from support.native_deployment import NativeDeployment
from support.workloads import Rig, deployment, rig

from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.resources import DEPLOYMENTS, REPLICA_SETS
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller.budget_hold import HOLD_MIN_READY_S, HOLD_PROGRESS_DEADLINE_S
from tidegate_workload_controller.budgets import Amount, Budget
from tidegate_workload_controller.seen import ReplicaSet

pytestmark = pytest.mark.sandbox

Move = tuple[str, Amount, Amount] | int
"""A hold (template, maxSurge, maxUnavailable), or a scale."""

CASES: dict[str, tuple[int, list[Move]]] = {
    "surge-then-shift": (10, [("v2", "11%", 0), ("v2", 0, "20%"), ("v2", "11%", "20%"), ("v2", 0, "40%")]),
    "scaled-up": (10, [("v2", "11%", 0), ("v2", 0, "20%"), 20, 5, 13]),
    "rounded-up": (7, [("v2", "15%", 0), ("v2", 0, "29%"), ("v2", 0, "20%"), 40, 7, 3]),
    "while-surging": (10, [("v2", "21%", "10%"), 20, 4]),
    "to-very-few": (25, [("v2", 0, "76%"), 2]),
    "both-nought": (10, [("v2", 0, "5%"), 30, 9]),
    "superseded": (10, [("v2", 0, "40%"), ("v3", 0, "20%"), ("v3", 0, "100%")]),
    "to-nothing": (6, [("v2", 0, "50%"), 0, 8]),
}
CALM_S = 0.4


async def told(made: Rig, name: str) -> dict[str, int]:
    """Pods that the native controller told each version to have."""
    page = await made.admin.list_all(REPLICA_SETS, made.namespace, label_selector=f"app={name}")
    found: dict[str, int] = {}
    for raw in page.items:
        template = decode(raw, dict)["spec"]["template"]
        image = template["spec"]["containers"][0]["image"]
        found[image.split(":")[1]] = decode(raw, ReplicaSet).spec.replicas
    return {version: pods for version, pods in found.items() if pods}


def expected(native: NativeDeployment) -> dict[str, int]:
    native.until_still()
    native.ready_all()
    native.until_still()
    return {name: each.told for name, each in native.sets.items() if each.told}


async def play(made: Rig, name: str, replicas: int, moves: list[Move]) -> None:
    native = NativeDeployment(replicas)
    await made.admin.create(DEPLOYMENTS, made.namespace, deployment(name, replicas=replicas, tag="v1"))
    await agree(made, name, {"v1": replicas})
    one = Rig(made.copy, made.admin, made.namespace, name, made.kind)
    await one.until_whole()
    for move in moves:
        if isinstance(move, int):
            native.replicas = move
            await one.scale(move)
        else:
            template, surge, unavailable = move
            native.revision, native.budget, native.held = template, Budget(surge, unavailable), True
            await one.patch({"spec": hold(template, surge, unavailable)})
        await agree(made, name, expected(native))


def hold(template: str, surge: Amount, unavailable: Amount) -> dict[str, Any]:
    container = {"name": "app", "image": f"registry.example/web:{template}"}
    return {
        "template": {"spec": {"containers": [container]}},
        "minReadySeconds": HOLD_MIN_READY_S,
        "progressDeadlineSeconds": HOLD_PROGRESS_DEADLINE_S,
        "strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
    }


async def agree(made: Rig, name: str, wanted: dict[str, int]) -> None:
    """Both come to the same, and stay there."""
    seen = {"nothing yet": 0}
    try:
        async with asyncio.timeout(10.0):
            while seen != wanted:
                await asyncio.sleep(0.05)
                seen = await told(made, name)
    except TimeoutError:
        raise AssertionError(f"{name}: the real controller came to {seen}, the model to {wanted}") from None
    await asyncio.sleep(CALM_S)  # nothing may come after it
    assert await told(made, name) == wanted


async def test_the_model_comes_to_what_the_real_controller_comes_to(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made, asyncio.TaskGroup() as group:
        for name, (replicas, moves) in CASES.items():
            group.create_task(play(made, name, replicas, moves))
