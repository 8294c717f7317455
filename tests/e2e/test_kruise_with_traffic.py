"""Rollouts of Kruise's whose releases shift an HTTPRoute's traffic through a real proxy: to the end, and turned back.

Each in a namespace of its own. What the status says of the end is recorded as it goes by; the switch from Kruise with
traffic in flight: tests/e2e/test_switching.py.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import groupby
from typing import Any, Final

import pytest
import pytest_asyncio
from support.guarded import guarded_world, own_values
from support.kinds import DEPLOYMENT
from support.releases import BLOCKS, NAME, Release, Watching, watching
from support.sandbox import kubectl, up_for_a_while

from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.rollout import Style
from tidegate_rollout_operator import finalising
from tidegate_rollout_operator.kruise import ROLLOUTS, Rollout
from tidegate_sandbox.sandbox import unique_name
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]
SERVICES: Final = ("orchestrator", "workload-controller", "traffic-shifter", "rollout-operator")
SERVICE: Final = Resource("", "v1", "services", "Service")
ROUTE: Final = Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
ROUTING: Final = [{"service": NAME, "gracePeriodSeconds": 1, "gateway": {"httpRouteName": NAME}}]
STEPS: Final[dict[Style, list[dict[str, Any]]]] = {
    "partition": [{"replicas": "50%", "traffic": "20%"}, {"replicas": "100%"}],
    "blue_green": [{"replicas": "100%", "traffic": "20%"}],
}
"""The second one leaves the share of all to us."""

GOOD: Final[dict[Style, tuple[str, ...]]] = {
    "partition": (finalising.RESTORE_SERVICE, finalising.RESUME_WORKLOAD, finalising.END),
    "blue_green": (
        finalising.TRAFFIC_TO_NEW,
        finalising.RESUME_WORKLOAD,
        finalising.RESTORE_SERVICE,
        finalising.RELEASE_CONTROL,
        finalising.END,
    ),
}
BACK: Final = (finalising.TRAFFIC_TO_STABLE, finalising.RESUME_WORKLOAD, finalising.RESTORE_SERVICE, finalising.END)


@pytest.fixture(scope="module")
def with_a_proxy() -> Iterator[SandboxState]:
    yield from up_for_a_while(without=("prometheus",))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(with_a_proxy: SandboxState, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watching]:
    directory = tmp_path_factory.mktemp("traffic")
    async with (
        guarded_world(with_a_proxy, directory, SERVICES) as world,
        watching(with_a_proxy, {DEPLOYMENT.resource}) as made,
    ):
        await world.trusted("customresourcedefinition", ROLLOUTS.qualified_plural)
        yield made


class Routed:
    """A release behind a Service and a route, and what its status says of the end as it goes by."""

    def __init__(self, seen: Watching, style: Style) -> None:
        self.release = Release(seen, DEPLOYMENT, style, unique_name("routed"))
        self.own: dict[str, Any] = {}
        self._said: list[str] = []
        self._client = seen.client
        seen.rollouts.subscribe(self._note)

    def _note(self, _old: Rollout | None, new: Rollout | None) -> None:
        if new is not None and new.metadata.namespace == self.release.namespace:
            self._said.append(new.told.get("finalisingStep", ""))

    @property
    def said(self) -> list[str]:
        return [word for word, _ in groupby(self._said) if word]

    async def begin(self, sandbox: SandboxState) -> None:
        namespace, style = self.release.namespace, self.release.style
        await asyncio.to_thread(kubectl, sandbox, "create", "namespace", namespace)
        ports = [{"port": 80, "targetPort": 8080}]
        await self._create(SERVICE, {"selector": {"app": NAME}, "ports": ports})
        parent = {"name": "tidegate", "namespace": "projectcontour"}
        rules = [{"backendRefs": [{"name": NAME, "port": 80}]}]
        await self._create(ROUTE, {"parentRefs": [parent], "hostnames": [f"{namespace}.example"], "rules": rules})
        name, more = BLOCKS[style]
        block = {"steps": STEPS[style], "trafficRoutings": ROUTING, **more}
        self.own = {"workload": await self.release.begin(**{name: block}), **await self.routes()}

    async def _create(self, resource: Resource, spec: dict[str, Any]) -> None:
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": NAME}, "spec": spec}
        await self._client.create(resource, self.release.namespace, body)

    async def routes(self) -> dict[str, Any]:
        """The route and both Services as they stand; None of one that isn't there."""
        asked = ((ROUTE, NAME), (SERVICE, NAME), (SERVICE, f"{NAME}-canary"))
        answers = [await self._client.get(resource, self.release.namespace, name) for resource, name in asked]
        found = [None if isinstance(each, NotFound) else decode(each, dict)["spec"] for each in answers]
        return dict(zip(("route", "service", "canary"), found, strict=True))

    async def shares(self) -> list[int]:
        (rule,) = (await self.routes())["route"]["rules"]
        return sorted(each["weight"] for each in rule["backendRefs"])

    async def is_as_before(self, version: str) -> None:
        await self.release.is_whole(version)
        assert {"workload": own_values(await self.release.workload()), **await self.routes()} == self.own


async def at_the_first_step(sandbox: SandboxState, seen: Watching, style: Style) -> Routed:
    routed = Routed(seen, style)
    await routed.begin(sandbox)
    await routed.release.change("v2_ready-0.1")
    await routed.release.waits_at(1)
    return routed


@pytest.mark.parametrize("style", list(STEPS))
async def test_a_release_shifts_the_route_and_gives_it_back(
    with_a_proxy: SandboxState, seen: Watching, style: Style
) -> None:
    routed = await at_the_first_step(with_a_proxy, seen, style)
    assert await routed.shares() == [20, 80]
    await routed.release.approve()
    await routed.release.ends(succeeded=True)
    await routed.is_as_before("v2")
    assert is_told_in_order(routed.said, GOOD[style]), routed.said


@pytest.mark.parametrize("style", ["partition", pytest.param("blue_green", marks=pytest.mark.thorough)])
async def test_the_old_template_again_takes_the_traffic_back_first(
    with_a_proxy: SandboxState, seen: Watching, style: Style
) -> None:
    routed = await at_the_first_step(with_a_proxy, seen, style)
    await routed.release.change("v1_ready-0.1")
    await routed.release.ends(succeeded=False)
    await routed.is_as_before("v1")
    assert is_told_in_order(routed.said, BACK), routed.said


def is_told_in_order(said: list[str], words: tuple[str, ...]) -> bool:
    """Up to the end; a status that is written anew at once may pass over a word that was true for a moment."""
    left = iter(words)
    return len(said) > 1 and said[-1] == finalising.END and all(word in left for word in said)
