"""Requests through an HTTPRoute and an HTTPProxy while whole rollouts run: none lost, and shares as precise as asked.

500 a second through each, half of them by HTTP/2, the real orchestrator and controllers. Four rollouts one after the
other: in steps, at each of which the share is measured; from 20 % straight to 100 %; one that is rolled back, and one
that is cancelled.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tidegate_bench import shifts
from tidegate_bench.lab import Lab
from tidegate_chassis.kubernetes.resources import HTTP_PROXIES
from tidegate_contracts.decisions import PauseStarted
from tidegate_demo.scenario import HOST, NAMESPACE, deploy
from tidegate_demo.traffic import POLL_S, Load
from tidegate_sandbox.load.exchange import HttpVersion

RATE_PER_S: Final = 500.0
REQUESTS_MAX: Final = 500
"""Under way in each of the four loads: together fewer than the 2,048 beyond which Envoy itself refuses more."""

HTTP_VERSIONS: Final[tuple[HttpVersion, ...]] = ("1.1", "2")
PROXY_HOST: Final = "proxy.example"
STEPS: Final = ("5%", "20%", "50%", "100%")
SAMPLE: Final = 60_000
SAMPLE_TIMEOUT_S: Final = 180.0
END_TIMEOUT_S: Final = 180.0
GRACE_S: Final = 1.0
SETTLES_S: Final = 1.0
"""Answers that were on their way when a share was reported."""

ROUTES: Final = tuple(
    {"route": "web", "service": "web", "router": router, "grace_s": GRACE_S}
    for router in ("gateway-http-route", "contour-http-proxy")
)


async def measure(lab: Lab, scratch: Path) -> dict[str, Any]:
    """`traffic`: requests sent and lost, and how far each share was from the one that was asked for."""
    await deploy(lab.state)
    await lab.kubernetes.create(HTTP_PROXIES, NAMESPACE, http_proxy())
    async with loads_through_both(lab, scratch) as loads:
        points = await _in_steps(lab, loads)
        straight = await lab.publish("web", "v3", ("20%", "100%"), traffic=ROUTES)
        await lab.ended(straight, END_TIMEOUT_S)
        for version, control in (("v4", "control.roll-back.v1"), ("v5", "control.cancel.v1")):
            rollout = await lab.publish("web", version, ("50%", "100%"), approve=True, traffic=ROUTES)
            await paused(lab, rollout, 1)
            await lab.control(rollout, control)
            await lab.ended(rollout, END_TIMEOUT_S)
        summaries = [await load.stop() for load in loads]
    shifted = await shifts.measure(lab, "v6", ROUTES)
    lost: Counter[str] = Counter()
    for summary in summaries:
        lost.update(summary.lost)
    sent = sum(summary.sent for summary in summaries)
    figures = {
        "requests_sent": sent,
        "requests_lost": lost.total(),
        "requests_lost_by_kind": dict(lost),
        # Both are the generators' own: of a machine too busy to say anything of latencies.
        "requests_not_sent": sum(summary.not_sent for summary in summaries),
        "requests_sent_late": sum(summary.sent_late for summary in summaries),
    }
    return {"traffic": {**figures, "share_off_points": points, "shifts": shifted}}


async def _in_steps(lab: Lab, loads: Sequence[Load]) -> dict[str, float]:
    """By step, how many percentage points the share of the answers was off."""
    rollout = await lab.publish("web", "v2", STEPS, approve=True, traffic=ROUTES)
    points: dict[str, float] = {}
    for number, step in enumerate(STEPS, start=1):
        await paused(lab, rollout, number)
        points[step] = abs(await _share_percent(loads, "v2") - float(step.removesuffix("%")))
        await lab.control(rollout, "control.approve.v1")
    await lab.ended(rollout, END_TIMEOUT_S)
    return points


async def paused(lab: Lab, rollout: str, step: int) -> None:
    """At the end of the step."""

    def seen() -> bool:
        return any(isinstance(each, PauseStarted) and each.step == step for each in lab.listener.of(rollout))

    await lab.heard(seen, f"the pause of step {step} of {rollout}", END_TIMEOUT_S)


async def _share_percent(loads: Sequence[Load], version: str) -> float:
    """Of the next answers through both."""
    since_s = time.time() + SETTLES_S
    deadline_s = since_s + SAMPLE_TIMEOUT_S
    while (found := _answers(loads, since_s)).total() < SAMPLE:
        if time.time() > deadline_s:
            raise TimeoutError(f"{SAMPLE} requests were not answered within {SAMPLE_TIMEOUT_S:g} s")
        await asyncio.sleep(POLL_S)
    return 100.0 * found[version] / found.total()


def _answers(loads: Sequence[Load], since_s: float) -> Counter[str]:
    found: Counter[str] = Counter()
    for load in loads:
        load.read()
        for window in load.windows:
            if window.at_s >= since_s:
                found.update({version: seen.ok + seen.errors for version, seen in window.versions.items()})
    return found


@asynccontextmanager
async def loads_through_both(lab: Lab, scratch: Path, rate_per_s: float = RATE_PER_S) -> AsyncIterator[list[Load]]:
    """So many requests a second through each route; every load has been answered."""
    loads = [
        Load(
            lab.state,
            scratch / f"{host}-{http}.jsonl",
            host=host,
            rate_per_s=rate_per_s / len(HTTP_VERSIONS),
            http_version=http,
            requests_max=REQUESTS_MAX,
        )
        for host in (HOST, PROXY_HOST)
        for http in HTTP_VERSIONS
    ]
    async with AsyncExitStack() as stack:
        for load in loads:
            stack.push_async_callback(load.end)
            await load.start()
            await load.answered("v1")
        yield loads


def http_proxy() -> dict[str, Any]:
    return {
        "apiVersion": HTTP_PROXIES.api_version,
        "kind": HTTP_PROXIES.kind,
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {"virtualhost": {"fqdn": PROXY_HOST}, "routes": [{"services": [{"name": "web", "port": 80}]}]},
    }
