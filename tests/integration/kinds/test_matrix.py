"""Kind by style by scenario, on the real controllers, watched by a witness that reads only the API server.

Built-in kinds and those of plugins pass the same; this folder's conftest says which are played. Native controllers wait
most of the time, for one pod after another: so the cases are played many at a time, each in a namespace of its own,
all held by one copy of the controller, or by one without plugins, and each test says what became of its case. See
docs/kinds.md.
"""

import asyncio
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from support.controller_copy import ControllerCopy, controller_copy
from support.matrix import Case
from support.sandbox import kubectl, outlives_the_run, spare_nodes
from support.scenarios import SCENARIOS, SOON_S, V1, V2, Stage
from support.witness import Witness, own_spec
from support.workloads import observed, rig

from tidegate_sandbox.sandbox import unique_name
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(1_800)]

AT_ONCE: Final = 12
"""Cases that are played at the same time: enough to fill the waiting, few enough for two cores."""


class World(NamedTuple):
    """What all cases share."""

    sandbox: SandboxState
    copies: Mapping[bool, ControllerCopy]
    """One that has plugins, and one that has none."""
    places: asyncio.Semaphore
    nodes: asyncio.Queue[str]


@pytest.fixture(scope="session")
def played(kinds_sandbox: SandboxState, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """What went wrong in each case that was asked for: nothing, or how."""
    asked: list[Case] = [
        item.callspec.params["case"]
        for item in request.session.items
        if item.path == Path(__file__) and hasattr(item, "callspec")
    ]
    namespaces = [unique_name("matrix") for _ in asked]
    manifests = "---".join(
        f"\n{{apiVersion: v1, kind: Namespace, metadata: {{name: {each}}}}}\n" for each in namespaces
    )
    kubectl(kinds_sandbox, "create", "-f", "-", manifest=manifests)
    yield asyncio.run(_play_all(kinds_sandbox, asked, namespaces))
    if outlives_the_run():  # to remove hundreds of them is work for minutes, which no other test should wait for
        kubectl(kinds_sandbox, "delete", "namespace", *namespaces, "--wait=false")


def test_case_of_the_matrix(played: dict[str, str], case: Case) -> None:
    wrong = played[case.id]
    assert not wrong, wrong


async def _play_all(sandbox: SandboxState, asked: list[Case], namespaces: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    in_order = sorted(zip(asked, namespaces, strict=True), key=lambda each: not SCENARIOS[each[0].scenario].is_long)
    async with AsyncExitStack() as stack:
        for around in {case.kind.around for case in asked}:
            await stack.enter_async_context(around(sandbox))
        copies = {
            each: await stack.enter_async_context(controller_copy(sandbox, has_plugins=each))
            for each in {case.kind.has_plugin for case in asked}
        }
        world = World(sandbox, copies, asyncio.Semaphore(AT_ONCE), asyncio.Queue())
        nodes = spare_nodes(sandbox)
        assert nodes or not any(SCENARIOS[case.scenario].needs_node for case in asked), "no spare nodes to lose"
        for node in nodes:
            world.nodes.put_nowait(node)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        for case, namespace in in_order:
            group.create_task(_play_one(world, case, namespace, found))
    return found


async def _play_one(world: World, case: Case, namespace: str, found: dict[str, str]) -> None:
    async with _node(world, case) as node, world.places:
        try:
            await _play(world, case, namespace, node)
        except Exception:  # noqa: BLE001 - its own test says what it was
            found[case.id] = traceback.format_exc()
        else:
            found[case.id] = ""


@asynccontextmanager
async def _node(world: World, case: Case) -> AsyncIterator[str]:
    """One that nobody else uses meanwhile, for a scenario that needs it."""
    if not SCENARIOS[case.scenario].needs_node:
        yield ""
        return
    node = await world.nodes.get()
    try:
        yield node
    finally:
        world.nodes.put_nowait(node)


async def _play(world: World, case: Case, namespace: str, node: str) -> None:
    kind, scenario = case.kind, SCENARIOS[case.scenario]
    async with rig(world.sandbox, namespace, kind=kind, style=case.style, copy=world.copies[kind.has_plugin]) as made:
        pod_spec = scenario.pod_spec(kind, node)
        await made.create(replicas=scenario.replicas, tag=V1, pod_spec=pod_spec, **scenario.spec(kind))
        own = await own_spec(made)
        async with observed(made) as seen:
            (stable,) = seen.samples[-1].alive or {await made.stable_revision(V2)}
            witness = Witness(seen, stable, kind.most_missing, keeps_stable=case.style != "partition")
            stage = Stage(made, seen, witness, stable, seed=len(case.id), node=node)
            if scenario.begun:
                await stage.prepared(V2)
            tag = await scenario.play(stage)
            await made.until_whole()
            witness.check()
            await made.until_all_run(tag, within_s=SOON_S)
        assert await own_spec(made) == own
