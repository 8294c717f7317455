"""Requests that get their headers on the way through the proxy, and reach the same Service as all others."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support import reading_process
from support.reading_process import UNMARKED
from support.traffic import TrafficRig, service

from tidegate_chassis.kubernetes.resources import ENDPOINT_SLICES, HTTP_ROUTES, SERVICES
from tidegate_contracts.facts import TrafficRefused, TrafficReleased, TrafficShifted
from tidegate_contracts.orders import MarkRequests
from tidegate_contracts.rollout import HeaderChange, HttpMatch, TrafficReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_sandbox.ports import free_port
from tidegate_sandbox.sandbox import exec_command
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox

ADDRESS = "10.244.250.1"
"""One of the range of pods: all of it is the sandbox's own."""

ROUTED = TrafficReference(route="web", service="web")
ENTRY = WorkloadReference(name="entry", kind="TrafficRouting", api_version="rollouts.kruise.io/v1alpha1")


@asynccontextmanager
async def read_headers(sandbox: SandboxState, rig: TrafficRig) -> AsyncIterator[None]:
    """A Service whose one endpoint tells the marks of its requests, behind the user's route."""
    port = free_port()
    environment = os.environ | {"PYTHONPATH": str(Path(reading_process.__file__).parents[1])}
    command = [sys.executable, "-m", reading_process.__name__, str(port)]
    process = await asyncio.create_subprocess_exec(*exec_command(sandbox, command), env=environment)
    made = service()
    del made["spec"]["selector"]
    ports = [{"name": "http", "port": port, "protocol": "TCP"}]
    metadata = {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}}
    endpoints = [{"addresses": [ADDRESS], "conditions": {"ready": True}}]
    slices = {"metadata": metadata, "addressType": "IPv4", "endpoints": endpoints, "ports": ports}
    try:
        await rig.admin.create(SERVICES, rig.namespace, made)
        await rig.admin.create(
            ENDPOINT_SLICES, rig.namespace, {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", **slices}
        )
        await rig.create_route()
        yield
    finally:
        process.terminate()
        await process.wait()


def marks(rig: TrafficRig, weight_percent: int, *matches: HttpMatch) -> MarkRequests:
    rig.revision += 1
    return MarkRequests(
        rollout="u-1",
        revision=rig.revision,
        workload=ENTRY,
        traffic=(ROUTED,),
        headers=HeaderChange(set={"x-release": "next"}),
        weight_percent=weight_percent,
        matches=matches,
    )


async def test_a_share_or_what_matches_is_marked_and_the_route_comes_back_as_it_was(
    sandbox: SandboxState, rig: TrafficRig
) -> None:
    async with read_headers(sandbox, rig):
        await until_known(rig)
        before = await rig.user_made()
        async with rig.loaded(rate_per_s=50.0):
            await rig.obey(marks(rig, 30), TrafficShifted)
            share = await rig.measure(requests=400)
            assert share["next"] == pytest.approx(30, abs=8.0)
            await rig.obey(marks(rig, 100, HttpMatch(path_prefix="/beta")), TrafficShifted)
            assert await rig.measure(path="/beta/x") == {"next": 100.0}
            assert await rig.measure() == {UNMARKED: 100.0}
            await rig.obey(rig.release(), TrafficReleased)
        assert await rig.measure(path="/beta/x") == {UNMARKED: 100.0}
        assert await rig.user_made() == before


async def until_known(rig: TrafficRig) -> None:
    """Until the proxy has heard of the route."""
    async with asyncio.timeout(20.0):
        while (await rig.load(rate_per_s=50.0, duration_s=0.1).run()).lost:
            pass


async def test_a_route_of_another_service_is_refused_and_left_alone(rig: TrafficRig) -> None:
    await rig.create_route()
    before = await rig.read(HTTP_ROUTES)
    order = marks(rig, 30)
    other = (TrafficReference(route="web", service="shop"),)
    refused = await rig.obey(
        MarkRequests(
            rollout=order.rollout,
            revision=order.revision,
            workload=ENTRY,
            traffic=other,
            headers=order.headers,
        ),
        TrafficRefused,
    )
    assert (refused.problem.field, refused.problem.value) == ("traffic.service", "shop")
    assert (await rig.read(HTTP_ROUTES))["spec"] == before["spec"]
