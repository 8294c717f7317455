"""Kruise's Rollouts, kind by style by story: the shipped definition and webhooks, all services, the real controllers.

Nobody asks for a rollout: a workload is changed, and a Rollout's status read and patched, as people and their tools do.
Controllers wait most of the time, so the stories are played many at a time, each in a namespace of its own; each test
says what became of its story.
"""

import asyncio
import json
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from support.guarded import guarded_world, own_values
from support.kinds import (
    ADVANCED_DAEMON_SET,
    ADVANCED_STATEFUL_SET,
    CLONE_SET,
    CLONE_SET_IN_PLACE,
    DAEMON_SET,
    DEPLOYMENT,
    STATEFUL_SET,
    Kind,
)
from support.release_stories import STORIES
from support.releases import OLD_ROLLOUTS, REPLICAS, Release, watching
from support.sandbox import kubectl, up_for_a_while
from support.slices import sliced

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.rollout import Style
from tidegate_rollout_operator.kruise import ROLLOUTS
from tidegate_sandbox.sandbox import unique_name
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(900)]
SERVICES: Final = ("orchestrator", "workload-controller", "rollout-operator")
AT_ONCE: Final = 12
"""Stories that are played at the same time: enough to fill the waiting, few enough for two cores."""

EVERY: Final = 10
EVERY_WIDE: Final = 5
"""Of the stories, one in so many is played by `make test`, and by it and `make test-wide` together; in v1alpha1, where
only the conversion differs, no more by the latter.
"""

PLAYED: Final[tuple[tuple[Kind, Style], ...]] = (
    (DEPLOYMENT, "partition"),
    (DEPLOYMENT, "canary"),
    (DEPLOYMENT, "blue_green"),
    (STATEFUL_SET, "partition"),
    (DAEMON_SET, "partition"),
    (CLONE_SET, "partition"),
    (CLONE_SET, "blue_green"),
    (CLONE_SET_IN_PLACE, "partition"),
    (ADVANCED_STATEFUL_SET, "partition"),
    (ADVANCED_DAEMON_SET, "partition"),
)


class Case(NamedTuple):
    kind: Kind
    style: Style
    story: str
    api: Resource = ROLLOUTS

    @property
    def id(self) -> str:
        version = f"-{self.api.version}" if self.api != ROLLOUTS else ""
        return f"{self.kind.label}-{self.style}-{self.story}{version}".replace(" ", "-")


CASES: Final = [Case(*pair, name) for name, story in STORIES.items() for pair in PLAYED if story.fits(*pair)]
OLD_CASES: Final = [
    case._replace(api=OLD_ROLLOUTS) for case in CASES if case.style != "blue_green" and STORIES[case.story].old
]
"""The same by who writes v1alpha1, which has no blue-green."""


def _sliced(cases: list[Case], every: int, every_wide: int) -> list[Any]:
    return sliced(
        cases,
        lambda case: case.story,
        lambda case: (case.kind, case.style),
        every=every,
        every_wide=every_wide,
        name=lambda case: case.id,
    )


@pytest.fixture(scope="module")
def bus_and_kinds() -> Iterator[SandboxState]:
    """A sandbox with OpenKruise's manager and a bus of its own; a DaemonSet has as many pods as the others."""
    yield from up_for_a_while(including=("kruise",), without=("proxy", "prometheus"), nodes=REPLICAS)


@pytest.fixture(scope="module")
def played(
    bus_and_kinds: SandboxState, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What went wrong in each story that was asked for: nothing, or how."""
    asked: list[Case] = [
        item.callspec.params["story"]
        for item in request.session.items
        if item.path == Path(__file__) and hasattr(item, "callspec")
    ]
    return asyncio.run(_play_all(bus_and_kinds, asked, tmp_path_factory.mktemp("rollouts")))


@pytest.mark.parametrize("story", [*_sliced(CASES, EVERY, EVERY_WIDE), *_sliced(OLD_CASES, EVERY, EVERY)])
def test_story_of_a_rollout(played: dict[str, str], story: Case) -> None:
    wrong = played[story.id]
    assert not wrong, wrong


async def _play_all(sandbox: SandboxState, asked: list[Case], directory: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    places = asyncio.Semaphore(AT_ONCE)
    async with (
        guarded_world(sandbox, directory, SERVICES) as world,
        watching(sandbox, {case.kind.resource for case in asked}) as seen,
        asyncio.TaskGroup() as group,
    ):
        await world.trusted("customresourcedefinition", ROLLOUTS.qualified_plural)
        for case in asked:
            namespace = unique_name("story")
            await asyncio.to_thread(kubectl, sandbox, "create", "namespace", namespace)
            group.create_task(_play_one(Release(seen, case.kind, case.style, namespace, case.api), case, places, found))
    return found


async def _play_one(release: Release, case: Case, places: asyncio.Semaphore, found: dict[str, str]) -> None:
    async with places:
        try:
            await _play(release, case)
        except Exception:  # noqa: BLE001 - its own test says what it was
            found[case.id] = traceback.format_exc()
        else:
            found[case.id] = ""


async def _play(release: Release, case: Case) -> None:
    story = STORIES[case.story]
    own = await release.begin(*story.steps, **(story.strategy if case.api == ROLLOUTS else {}))
    version = await story.play(release)
    await release.is_whole(version)
    replicas = {"replicas": 2 * REPLICAS} if case.story == "scaled" else {}
    ended = await release.workload()
    assert own_values(ended) == own | replicas
    assert "tidegate.io" not in json.dumps(ended["metadata"].get("annotations", {}))
    await release.until_guarded(is_guarded=not story.gives_back)
