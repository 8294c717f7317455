"""Kind by scenario, on the real controllers, watched by a witness that reads only the API server. See docs/kinds.md.

Built-in kinds and those of plugins pass the same; this folder's conftest says which are played. Native controllers wait
most of the time, for one pod after another: so the cases are played several at a time, each in a namespace of its own,
and each test says what became of its case.
"""

import asyncio
import traceback
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from support.kinds import IMAGE, Kind
from support.sandbox import kubectl
from support.scenarios import PREPARES_ITSELF, SCENARIOS, V1, V2, Stage
from support.witness import Witness, own_spec
from support.workloads import observed, rig

from tidegate_sandbox.sandbox import unique_name
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

REPLICAS = 5
AT_ONCE = 6
"""Cases that are played at the same time: enough to fill the waiting, few enough for two cores."""


@pytest.fixture(scope="session")
def played(kinds_sandbox: SandboxState, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """What went wrong in each case that was asked for: nothing, or how."""
    asked = [
        item.callspec for item in request.session.items if item.path == Path(__file__) and hasattr(item, "callspec")
    ]
    namespaces = [unique_name("matrix") for _ in asked]
    for namespace in namespaces:
        kubectl(kinds_sandbox, "create", "namespace", namespace)
    yield asyncio.run(_play_all(kinds_sandbox, asked, namespaces))
    kubectl(kinds_sandbox, "delete", "namespace", *namespaces, "--wait=false")


def test_kind_by_scenario(played: dict[str, str], kind: Kind, scenario: str) -> None:
    wrong = played[f"{kind.label} {scenario}"]
    assert not wrong, wrong


async def _play_all(sandbox: SandboxState, asked: list[Any], namespaces: list[str]) -> dict[str, str]:
    places = asyncio.Semaphore(AT_ONCE)
    found: dict[str, str] = {}

    async def play(kind: Kind, scenario: str, namespace: str) -> None:
        async with places:
            try:
                await _play(sandbox, kind, scenario, namespace)
            except Exception:  # noqa: BLE001 - its own test says what it was
                found[f"{kind.label} {scenario}"] = traceback.format_exc()
            else:
                found[f"{kind.label} {scenario}"] = ""

    async with AsyncExitStack() as stack:
        for around in {spec.params["kind"].around for spec in asked}:
            await stack.enter_async_context(around(sandbox))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        for spec, namespace in zip(asked, namespaces, strict=True):
            group.create_task(play(spec.params["kind"], spec.params["scenario"], namespace))
    return found


async def _play(sandbox: SandboxState, kind: Kind, scenario: str, namespace: str) -> None:
    async with rig(sandbox, namespace, kind=kind) as made:
        await made.create(replicas=REPLICAS, tag=V1)
        own = await own_spec(made)
        async with observed(made) as seen:
            (stable,) = seen.samples[-1].alive
            witness = Witness(seen, stable, kind.most_missing)
            stage = Stage(made, seen, witness, stable, seed=len(scenario))
            if scenario not in PREPARES_ITSELF:
                await stage.prepared(V2)
            tag = await SCENARIOS[scenario](stage)
            await made.until_whole()
            witness.check()
            assert await made.images() == {f"{IMAGE}:{tag}"}
        assert await own_spec(made) == own
