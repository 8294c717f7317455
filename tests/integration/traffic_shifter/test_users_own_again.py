"""What a rollout leaves behind on the API server: the user's own objects, and nobody else's name at their fields."""

import asyncio
from typing import Any

import pytest
from support.traffic import TrafficRig, route, service

from tidegate_chassis.errors import Conflict, Transient
from tidegate_chassis.kubernetes.resources import HTTP_ROUTES, SERVICES
from tidegate_contracts.facts import TrafficReleased, TrafficShifted
from tidegate_traffic_shifter import rewriting, services
from tidegate_traffic_shifter.marks import FIELD_MANAGER

pytestmark = pytest.mark.sandbox


def owned(rig: TrafficRig, weight: int, **selector: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A route and a Service as a tool applies them."""
    own = service()
    own["spec"]["selector"] |= selector
    return route(rig.host, [{"backendRefs": [{"name": "web", "port": 80, "weight": weight}]}]), own


async def apply(rig: TrafficRig, manifests: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """On the server's side, and not forced."""
    for resource, manifest in zip((HTTP_ROUTES, SERVICES), manifests, strict=True):
        await rig.admin.apply(resource, rig.namespace, "web", manifest)


async def prepare(rig: TrafficRig) -> None:
    await apply(rig, owned(rig, 7))
    await asyncio.gather(rig.run_pods("v1", 1), rig.run_pods("v2", 1))


async def test_after_a_whole_rollout_the_users_tool_applies_its_next_manifest_without_a_conflict(
    rig: TrafficRig,
) -> None:
    await prepare(rig)
    before = await rig.user_made()
    await rig.obey(rig.shift(0, canary=None), TrafficShifted)
    await rig.obey(rig.shift(30), TrafficShifted)
    with pytest.raises(Conflict) as refused:
        await apply(rig, owned(rig, 8))
    assert FIELD_MANAGER in {each.manager for each in refused.value.owners}, "while it is held, a tool is told by whom"
    await rig.obey(rig.shift(100, lowering=True), TrafficShifted)
    await rig.obey(rig.release(), TrafficReleased)

    assert await rig.user_made() == before
    for resource in (HTTP_ROUTES, SERVICES):
        assert FIELD_MANAGER not in await rig.owners(resource)
    await apply(rig, owned(rig, 8, tier="front"))
    assert await rig.weights() == {"web": 8}
    assert (await rig.read(SERVICES))["spec"]["selector"] == {"app": "web", "tier": "front"}
    assert "a-user" in await rig.owners(HTTP_ROUTES)


@pytest.mark.parametrize("where", [rewriting, services], ids=["route", "service"])
async def test_a_copy_that_dies_before_its_last_write_is_followed_by_one_that_makes_it(
    rig: TrafficRig, where: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepare(rig)
    await rig.obey(rig.shift(30), TrafficShifted)
    disown, died = where.disown, []

    async def dies_once(*arguments: Any) -> Any:
        if not died:
            died.append(True)
            raise Transient("the copy dies here")
        return await disown(*arguments)

    monkeypatch.setattr(where, "disown", dies_once)
    await rig.obey(rig.release(), TrafficReleased)
    assert died
    for resource in (HTTP_ROUTES, SERVICES):
        assert FIELD_MANAGER not in await rig.owners(resource)


@pytest.mark.parametrize("shares", [(), (30,)], ids=["before any share", "after one"])
async def test_a_rollout_that_is_over_early_leaves_no_name_either(rig: TrafficRig, shares: tuple[int, ...]) -> None:
    await prepare(rig)
    await rig.obey(rig.shift(0, canary=None), TrafficShifted)
    for weight_percent in shares:
        await rig.obey(rig.shift(weight_percent), TrafficShifted)
        await rig.obey(rig.shift(0, canary=None, lowering=True), TrafficShifted)
    await rig.obey(rig.release(), TrafficReleased)
    for resource in (HTTP_ROUTES, SERVICES):
        assert FIELD_MANAGER not in await rig.owners(resource)
