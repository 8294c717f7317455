"""What every built-in router writes is taken by a real API server with the kinds' definitions, and given back.

No controller of theirs runs here: what one would say in a status is said by the test.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from support.routes import MANIFESTS, Manifest, define, shown
from support.sandbox import kubectl
from support.traffic import GRACE_S, TrafficRig, controlled
from support.until import until

from tidegate_chassis.kubernetes.resources import INGRESSES
from tidegate_contracts.facts import TrafficReleased, TrafficShifted
from tidegate_contracts.rollout import HttpMatch, TrafficReference
from tidegate_sandbox.state import SandboxState
from tidegate_traffic_shifter import conformance
from tidegate_traffic_shifter.catalogue import formats, load_routers
from tidegate_traffic_shifter.formats import Beside, Format, Rewritten
from tidegate_traffic_shifter.marks import FIELD_MANAGER
from tidegate_traffic_shifter.merge_patch import applied
from tidegate_traffic_shifter.seen import Route

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(120)]

FORMATS = formats()
WRITERS = 4
BY_USER = (HttpMatch(headers={"user": "ann"}),)
REWRITTEN = ("ingress-aws-alb", "traefik-ingress-route", "traefik-service", "kuma-mesh-http-route", "smi-traffic-split")
MATCHING = ("ingress-aws-alb", "ingress-haproxy", "traefik-ingress-route", "apisix-route", "kuma-mesh-http-route")


@pytest.fixture(autouse=True)
def defined(sandbox: SandboxState) -> None:
    define(sandbox)


def written(form: Format, manifest: Manifest) -> Iterator[Manifest]:
    """The whole object with each kind of share that the format has words for."""
    route = msgspec.convert(manifest, Route)
    shares = conformance.shares_of(form.abilities, "web")
    apart = conformance.by_revision_of(form.abilities, shares) if form.abilities.by_revision else {}
    for share in (*shares.values(), *apart.values()):
        if isinstance(form, Rewritten):
            namespace = manifest["metadata"]["namespace"]
            yield applied(manifest, form.patch(form.render(form.part(route), namespace, share)))
        elif isinstance(form, Beside):
            yield form.canary(route, share)


async def test_every_kind_of_share_of_every_router_is_as_its_schema_wants_it(
    sandbox: SandboxState, namespace: str
) -> None:
    routes = [*MANIFESTS.items(), *shown().items()]
    items = [each for name, manifest in routes for each in written(FORMATS[name], manifest)]
    for number, item in enumerate(items):
        item["metadata"] = item["metadata"] | {"name": f"web-{number}", "namespace": namespace}
    lists = [{"apiVersion": "v1", "kind": "List", "items": items[at::WRITERS]} for at in range(WRITERS)]
    options = ("create", "--dry-run=server", "--validate=strict", "-o", "name", "-f", "-")
    taken = await asyncio.gather(
        *(asyncio.to_thread(kubectl, sandbox, *options, manifest=json.dumps(each)) for each in lists)
    )
    assert len("".join(taken).split()) == len(items) > len(FORMATS)


def named(router: str) -> str:
    return f"by-{router}"


def reference(router: str) -> TrafficReference:
    return TrafficReference(route=named(router), service="web", router=router, grace_s=GRACE_S)


async def create(rig: TrafficRig, router: str) -> None:
    manifest = MANIFESTS[router] | {"metadata": MANIFESTS[router]["metadata"] | {"name": named(router)}}
    manifest["metadata"].pop("namespace")
    await rig.admin.create(FORMATS[router].resource, rig.namespace, manifest)


async def user_made(rig: TrafficRig, router: str) -> Any:
    found = await rig.read(FORMATS[router].resource, named(router))
    return found["spec"], found["metadata"].get("annotations"), found["metadata"].get("labels")


async def test_shares_are_written_and_the_users_objects_given_back_annotations_and_all(rig: TrafficRig) -> None:
    await rig.create(v1=1, v2=1)
    await asyncio.gather(*(create(rig, router) for router in REWRITTEN))
    before = [await user_made(rig, router) for router in REWRITTEN]
    traffic = tuple(reference(router) for router in REWRITTEN)
    await rig.obey(rig.shift(20, traffic=traffic), TrafficShifted)
    for router in REWRITTEN:
        form = FORMATS[router]
        assert isinstance(form, Rewritten)
        found = msgspec.convert(await rig.read(form.resource, named(router)), Route)
        assert form.holds(form.part(found), rig.namespace, "web-canary"), router
    annotations = (await rig.read(INGRESSES, named("ingress-aws-alb")))["metadata"]["annotations"]
    groups = json.loads(annotations["alb.ingress.kubernetes.io/actions.to-web"])["forwardConfig"]["targetGroups"]
    assert [each["weight"] for each in groups] == [80, 20]
    await rig.obey(rig.shift(50, traffic=traffic), TrafficShifted)
    await rig.obey(rig.shift(20, traffic=traffic), TrafficShifted)
    annotations = (await rig.read(INGRESSES, named("ingress-aws-alb")))["metadata"]["annotations"]
    assert '"weight":20' in annotations["alb.ingress.kubernetes.io/actions.to-web"], "a cache must not say so of before"
    await rig.obey(rig.release(traffic=traffic), TrafficReleased, within_s=20.0)
    assert [await user_made(rig, router) for router in REWRITTEN] == before
    for router in REWRITTEN:
        assert FIELD_MANAGER not in await rig.owners(FORMATS[router].resource, named(router)), router


async def test_matches_are_written_too_and_what_has_a_status_is_waited_for(rig: TrafficRig) -> None:
    await rig.create(v1=1, v2=1)
    await asyncio.gather(*(create(rig, router) for router in MATCHING))
    before = [await user_made(rig, router) for router in MATCHING]
    traffic = tuple(reference(router) for router in MATCHING)
    await rig.give(rig.shift(0, traffic=traffic, matches=BY_USER))
    await until(lambda: rig.notes.telemetry and "APISIX has not answered" in rig.notes.telemetry[-1].waiting_for)
    assert not rig.facts(TrafficShifted)
    apisix = FORMATS["apisix-route"].resource
    async with controlled(rig, apisix, named("apisix-route")):
        await rig.fact(TrafficShifted)
    written = [await user_made(rig, router) for router in MATCHING]
    assert [each == own for each, own in zip(written, before, strict=True)] == [False, True, False, False, False]
    canary = (await rig.read(INGRESSES, named("ingress-haproxy") + "-canary"))["metadata"]["annotations"]
    assert canary["haproxy-ingress.github.io/http-header-match"] == "user: ann"
    for router, at_work in load_routers(rig.cluster, rig.namespace).items():
        held = [each.route for each in await at_work.marked() if each.namespace == rig.namespace]
        assert held == ([named(router)] if router in MATCHING else []), "each gives back its own"
    async with controlled(rig, apisix, named("apisix-route")):
        await rig.obey(rig.release(traffic=traffic), TrafficReleased, within_s=20.0)
    assert [await user_made(rig, router) for router in MATCHING] == before
    assert not await rig.exists(INGRESSES, named("ingress-haproxy") + "-canary")
