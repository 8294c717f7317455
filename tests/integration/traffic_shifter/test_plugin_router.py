"""The example plugin, installed as its README says, keeps the kit's promises and is found by the service."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from support.plugin import ROUTER_EXAMPLE, install
from support.sandbox import kubectl
from support.traffic import GRACE_S, TrafficRig, controlled
from support.traffic_service import traffic_service

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.facts import TrafficRefused, TrafficReleased, TrafficShifted
from tidegate_contracts.rollout import HttpMatch, TrafficReference
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(120)]

JUNCTIONS: Final = Resource("junctions.example.com", "v1", "junctions", "Junction")
KIT_TIMEOUT_S: Final = 30
TRAFFIC: Final = (TrafficReference(route="web", service="web", router="junction", grace_s=GRACE_S),)


@pytest.fixture
def installed(tmp_path: Path) -> Mapping[str, str]:
    return install(tmp_path / "installed", ROUTER_EXAMPLE)


def test_it_is_one_short_file() -> None:
    (module,) = ROUTER_EXAMPLE.glob("tidegate_*/*.py")
    assert len(module.read_text().splitlines()) < 50


def test_it_keeps_every_promise_of_the_conformance_kit(installed: Mapping[str, str]) -> None:
    command = [sys.executable, str(ROUTER_EXAMPLE / "conformance.py")]
    done = subprocess.run(command, env=installed, capture_output=True, text=True, check=False, timeout=KIT_TIMEOUT_S)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


async def with_a_junction(rig: TrafficRig) -> dict[str, Any]:
    """The third party's definition, the administrator's rights and the user's route."""
    for file in ("crd.yaml", "rights.yaml"):
        await asyncio.to_thread(kubectl, rig.sandbox, "apply", "-f", str(ROUTER_EXAMPLE / file))
    established = ("wait", "--for=condition=Established", f"crd/{JUNCTIONS.qualified_plural}", "--timeout=30s")
    await asyncio.to_thread(kubectl, rig.sandbox, *established)
    manifest = yaml.safe_load((ROUTER_EXAMPLE / "route.yaml").read_text())
    await rig.admin.create(JUNCTIONS, rig.namespace, manifest)
    return (await rig.read(JUNCTIONS))["spec"]


async def test_an_installed_plugin_is_found_and_without_it_the_route_is_refused(
    sandbox: SandboxState, rig: TrafficRig, tmp_path: Path, installed: Mapping[str, str]
) -> None:
    await rig.create(v1=1, v2=1)
    own = await with_a_junction(rig)
    by_crew = (HttpMatch(headers={"x-user": "ann"}),)
    refused = await rig.obey(rig.shift(20, traffic=TRAFFIC), TrafficRefused)
    assert (refused.problem.field, refused.problem.value) == ("traffic.router", "junction")
    await rig.drop()
    async with (
        traffic_service(sandbox, tmp_path, installed) as (service, bus),
        controlled(rig, JUNCTIONS, "web"),
    ):
        await (await service.start()).until_ready()
        key = bus.key(rig.namespace, "web")
        await bus.shift(key, order := rig.shift(20, traffic=TRAFFIC, matches=by_crew))
        await bus.fact(key, TrafficShifted, order)
        lanes = (await rig.read(JUNCTIONS))["spec"]["lanes"]
        assert [each.get("headers") for each in lanes] == [
            {"x-crew": "1", "x-user": "ann"},
            {"x-crew": "1"},
            {"x-user": "ann"},
            None,
        ]
        assert [[exit_["weight"] for exit_ in each["exits"]] for each in lanes] == [[100], [80, 20], [100], [80, 20]]
        await bus.shift(key, order := rig.release(traffic=TRAFFIC))
        await bus.fact(key, TrafficReleased, order)
    assert (await rig.read(JUNCTIONS))["spec"] == own
