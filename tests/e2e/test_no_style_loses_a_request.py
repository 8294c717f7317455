"""Whole rollouts of every style under 500 requests a second: forward, back and cancelled; none of them is lost.

Pods are scaled in a step, the traffic-shifter is killed and the API server restarted meanwhile.

Through an HTTPRoute and an HTTPProxy, half of the requests by HTTP/2, with the real orchestrator and controllers.
"""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
from support.sandbox import kubectl as admin

from tidegate_bench.lab import Lab, open_lab
from tidegate_bench.traffic import ROUTES, http_proxy, loads_through_both, paused
from tidegate_contracts.decisions import RolloutCancelled, RolloutCompleted, RolloutRolledBack
from tidegate_contracts.rollout import Style
from tidegate_demo.scenario import NAMESPACE, REPLICAS, deploy, kubectl
from tidegate_sandbox import sandbox as sandboxes
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.alone, pytest.mark.thorough, pytest.mark.timeout(600)]

RATE_PER_S = 250.0
"""Through each of the two."""

STEPS = ("50%", "100%")
END_TIMEOUT_S = 180.0


async def begun(lab: Lab, style: Style, version: str) -> str:
    """At the end of its first step."""
    rollout = await lab.publish("web", version, STEPS, approve=True, style=style, traffic=ROUTES)
    await paused(lab, rollout, 1)
    return rollout


async def scale(lab: Lab, replicas: int) -> None:
    await kubectl(lab.state, "-n", NAMESPACE, "scale", "deployment/web", f"--replicas={replicas}")


@pytest.mark.parametrize("style", ["partition", "canary", "blue_green"])
async def test_forward_back_and_cancelled_lose_nothing_whatever_happens_meanwhile(
    own_sandbox: SandboxState, tmp_path: Path, style: Style
) -> None:
    await deploy(own_sandbox)
    name = style.replace("_", "-")
    async with open_lab(own_sandbox) as lab:
        await asyncio.to_thread(admin, own_sandbox, "apply", "-f", "-", manifest=json.dumps(http_proxy()))
        async with loads_through_both(lab, tmp_path, RATE_PER_S) as loads:
            forward = await begun(lab, style, f"v2-{name}")
            await scale(lab, REPLICAS + 2)
            await lab.stack["traffic-shifter"].kill()
            await lab.control(forward, "control.approve.v1")
            await lab.stack.restart("traffic-shifter")
            await paused(lab, forward, 2)
            await scale(lab, REPLICAS)
            await lab.control(forward, "control.approve.v1")
            end, _ = await lab.ended(forward, END_TIMEOUT_S)
            assert isinstance(end, RolloutCompleted), end

            back = await begun(lab, style, f"v3-{name}")
            await asyncio.to_thread(sandboxes.part, own_sandbox.name, "kill", "kube-apiserver")
            await lab.control(back, "control.approve.v1")
            await asyncio.to_thread(sandboxes.part, own_sandbox.name, "ready", "kube-apiserver")
            await paused(lab, back, 2)
            await lab.control(back, "control.roll-back.v1")
            end, _ = await lab.ended(back, END_TIMEOUT_S)
            assert isinstance(end, RolloutRolledBack), end

            cancelled = await begun(lab, style, f"v4-{name}")
            await lab.control(cancelled, "control.cancel.v1")
            end, _ = await lab.ended(cancelled, END_TIMEOUT_S)
            assert isinstance(end, RolloutCancelled), end
            await lab.rolled_out("web")
            summaries = [await load.stop() for load in loads]
    lost = sum((Counter(each.lost) for each in summaries), Counter[str]())
    assert not lost, (lost, sum(each.sent for each in summaries))
