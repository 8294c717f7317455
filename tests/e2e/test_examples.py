"""Every example is asked for by the command, as its README says, on a real application, and completes.

People's parts are played by the test: whatever waits for approval, or for long, is approved.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
import pytest_asyncio

from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import (
    BatchReturnStarted,
    PauseStarted,
    RolloutAccepted,
    RolloutCompleted,
    RolloutRolledBack,
    StepCompleted,
    StepJudgingStarted,
)
from tidegate_contracts.facts import AnalysisConcluded
from tidegate_demo.journal import terminal
from tidegate_demo.scenario import HOST, World, kubectl, prepared
from tidegate_demo.stack import running_stack
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
KUBERNETES = Path(__file__).parents[2] / "deploy/kubernetes"
EXAMPLES = Path(__file__).parents[2] / "deploy/examples"
FILES = sorted(EXAMPLES.glob("*/request.*"))
assert FILES, "there are examples"
LONG = {"02-traffic-and-analysis", "06-background-analysis", "12-comparison"}
"""What these show is in every test run by other tests: the story of a good and a bad version, and those of analyses."""

PLAYED = [
    pytest.param(path, id=path.parent.name, marks=[pytest.mark.thorough] * (path.parent.name in LONG)) for path in FILES
]
END_TIMEOUT_S = 200.0
PAUSE_AWAITED_S = 10.0
V1, V2 = "registry.example/web:v1", "registry.example/web:v2"
BAD = ("web:v2", "web:v3_errors-30")
"""What is changed in a request for a version that answers 30 % errors."""


class Answer(NamedTuple):
    version: str
    status: int


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(own_sandbox: SandboxState, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    out = tmp_path_factory.mktemp("load") / "load.jsonl"
    async with running_stack(own_sandbox), prepared(own_sandbox, out) as world:
        yield world


async def _tidegate(state: SandboxState, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tidegate_cli", *arguments),
        env={
            **os.environ,
            "TIDEGATE_NATS_URL": state.nats_url,
            "TIDEGATE_NATS_USER": "operator",
            "TIDEGATE_NATS_PASSWORD": state.nats_passwords["operator"],
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def _get(state: SandboxState, headers: dict[str, str]) -> Answer:
    async with (
        aiohttp.ClientSession() as session,
        session.get(state.proxy_url, headers={"Host": HOST, **headers}) as response,
    ):
        return Answer(response.headers.get("x-version", ""), response.status)


async def _start_over(state: SandboxState, example: Path) -> str:
    """The workload that the example is about, whole at its first version: its own, or the application."""
    if (template := example / "template.yaml").exists():
        definitions = ("-f", str(KUBERNETES / "argo"))
        await kubectl(state, "apply", *definitions)
        await kubectl(state, "wait", "--for=condition=established", *definitions, "--timeout=30s")
        await kubectl(state, "apply", "-f", str(template))
    own = example / "workload.yaml"
    if own.exists():
        workload = (await kubectl(state, "apply", "-f", str(own), "-o", "name")).strip()
    else:
        workload = "deployment/web"
        await kubectl(state, "set", "image", workload, f"web={V1}")
    await kubectl(state, "rollout", "status", workload, "--timeout=60s")
    return workload


async def _ask(state: SandboxState, example: str, *changes: tuple[str, str]) -> str:
    """The example's request with each first text replaced by its second; answers with the workload."""
    path = EXAMPLES / example / "request.yaml"
    workload = await _start_over(state, path.parent)
    document = path.read_text(encoding="utf-8")
    for before, after in changes:
        document = document.replace(before, after)
    given = state.directory / f"{example}.yaml"
    given.write_text(document, encoding="utf-8")
    await _tidegate(state, "request", "-f", str(given))
    return workload


@pytest.mark.parametrize("path", PLAYED)
async def test_an_example_completes(world: World, path: Path) -> None:
    state = world.state
    workload = await _start_over(state, path.parent)
    known = {event.rollout for event in world.listener.events}
    await _tidegate(state, "request", "-f", str(path))
    approved: set[int] = set()
    given: set[tuple[int, str]] = set()
    async with asyncio.timeout(END_TIMEOUT_S):
        while True:
            rollout = next((event.rollout for event in world.listener.events if event.rollout not in known), "")
            events = world.listener.of(rollout) if rollout else []
            waiting = {event.step for event in events if isinstance(event, PauseStarted) and _long(event)} - approved
            waiting -= {event.step for event in events if isinstance(event, StepCompleted)}
            for step in waiting:
                if path.parent.name == "04-header-match":
                    await _sees_only_matches(state)
                await _tidegate(state, "approve", rollout, "--step", str(step))
                approved.add(step)
            for step, check in _awaited(events) - given:
                given.add((step, check))
                await _give_verdict(state, rollout, step, check, "pass")
            if terminal(events) is not None:
                break
            await world.listener.heard()
    assert isinstance(terminal(events), RolloutCompleted), terminal(events)
    image = await kubectl(state, "get", workload, "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    assert image == V2
    await kubectl(state, "rollout", "status", workload, "--timeout=60s")
    world.load.read()
    assert sum(window.lost_total for window in world.load.windows) == 0


async def test_told_to_go_back_in_batches(world: World) -> None:
    """At the second step of the example that waits for people, the command turns it back."""
    state = world.state
    workload = await _ask(state, "03-approval", ("web-release-42", "web-release-43"))
    async with asyncio.timeout(END_TIMEOUT_S):
        await _until(world, "web-release-43", lambda events: _paused_at(events, 1))
        await _tidegate(state, "approve", "web-release-43")
        await _until(world, "web-release-43", lambda events: _paused_at(events, 2))
        await _tidegate(state, "rollback", "web-release-43", "--pace", "in_batches")
        await _until(world, "web-release-43", lambda events: terminal(events) is not None)
    events = world.listener.of("web-release-43")
    assert isinstance(terminal(events), RolloutRolledBack), terminal(events)
    assert [event.step for event in events if isinstance(event, BatchReturnStarted)] == [1]
    image = await kubectl(state, "get", workload, "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    assert image == V1
    await kubectl(state, "rollout", "status", workload, "--timeout=60s")
    world.load.read()
    assert sum(window.lost_total for window in world.load.windows) == 0


async def test_a_template_that_passed_a_good_version_fails_a_bad_one(world: World) -> None:
    await _ask(world.state, "14-analysis-template", BAD, ("workload:", "rollout: web-bad\nworkload:"))
    async with asyncio.timeout(END_TIMEOUT_S):
        await _until(world, "web-bad", lambda events: terminal(events) is not None)
    events = world.listener.of("web-bad")
    assert isinstance(terminal(events), RolloutRolledBack), terminal(events)
    (verdict,) = [event for event in events if isinstance(event, AnalysisConcluded)]
    (found,) = verdict.measurements
    assert (verdict.verdict, found.check) == ("fail", "success-rate")
    assert "failed (2) > failureLimit (1)" in verdict.reason
    assert found.assessed is not None
    assert (found.assessed.rule, found.assessed.failure_limit) == ("failure_limit", 1)
    assert found.assessed.failure_condition == "len(result) > 0 && result[0] < 0.9"
    assert 0.5 < (found.values[-1] or 0) < 0.9


async def test_a_failing_verdict_from_outside_turns_the_rollout_back(world: World) -> None:
    state = world.state
    workload = await _ask(state, "16-verdict-from-outside", ("workload:", "rollout: web-refused\nworkload:"))
    async with asyncio.timeout(END_TIMEOUT_S):
        await _until(world, "web-refused", lambda events: bool(_awaited(events)))
        await _give_verdict(state, "web-refused", 1, "acceptance-tests", "fail")
        await _until(world, "web-refused", lambda events: terminal(events) is not None)
    events = world.listener.of("web-refused")
    assert isinstance(terminal(events), RolloutRolledBack), terminal(events)
    (verdict,) = [event for event in events if isinstance(event, AnalysisConcluded)]
    assert (verdict.verdict, verdict.reason) == ("fail", "acceptance-tests: the tests says fail: as was seen")
    image = await kubectl(state, "get", workload, "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    assert image == V1


def _awaited(events: list[AnyEvent]) -> set[tuple[int, str]]:
    """Steps that are judged, and the verdicts from outside that they wait for."""
    plans = [event.plan for event in events if isinstance(event, RolloutAccepted)]
    judged = {event.step for event in events if isinstance(event, StepJudgingStarted)}
    analyses = [(step.number, step.analysis) for plan in plans for step in plan if step.number in judged]
    return {(number, one.name) for number, analysis in analyses if analysis for one in analysis.verdicts}


async def _give_verdict(state: SandboxState, rollout: str, step: int, check: str, word: str) -> None:
    told = ("--check", check, "--step", str(step), "--reason", "as was seen", "--by", "the tests")
    await _tidegate(state, "verdict", rollout, word, *told)


async def test_what_turns_out_bad_in_a_bake_goes_back_with_all_requests(world: World) -> None:
    """No step of the example is judged, so that a bad version is everywhere by then."""
    state = world.state
    workload = await _ask(state, "18-bake", BAD, ("workload:", "rollout: web-baked\nworkload:"))
    async with asyncio.timeout(END_TIMEOUT_S):
        await _until(world, "web-baked", lambda events: terminal(events) is not None)
    events = world.listener.of("web-baked")
    assert isinstance(terminal(events), RolloutRolledBack), terminal(events)
    (verdict,) = [event for event in events if isinstance(event, AnalysisConcluded)]
    assert (verdict.scope, verdict.verdict) == ("bake", "fail")
    image = await kubectl(state, "get", workload, "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    assert image == V1
    await kubectl(state, "rollout", "status", workload, "--timeout=60s")
    world.load.read()
    assert sum(window.lost_total for window in world.load.windows) == 0


async def _until(world: World, rollout: str, holds: Callable[[list[AnyEvent]], bool]) -> None:
    while not holds(world.listener.of(rollout)):
        await world.listener.heard()


def _paused_at(events: list[AnyEvent], step: int) -> bool:
    return any(isinstance(event, PauseStarted) and event.step == step for event in events)


def _long(pause: PauseStarted) -> bool:
    """Whether nobody would wait for its end; a shorter one may end while it is being approved."""
    return pause.until_s is None or pause.until_s - pause.at_s > PAUSE_AWAITED_S


async def _sees_only_matches(state: SandboxState) -> None:
    """While it waits for approval, the header decides who sees the new version."""
    for _ in range(20):
        assert await _get(state, {"x-preview": "yes"}) == Answer("v2", 200)
        assert await _get(state, {}) == Answer("v1", 200)
