"""Versions that are bad, each in its own way, under a steady load: all parts are real, but for the pods' own behaviour.

Each is caught at the first step that can show it: what leaks or crashes before it gets a request, what answers wrongly
or slowly with the first share of them. Then the traffic is safe, and the workload whole at its old version.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from support.bad_versions import BUCKETS, COUNTED, GOOD_REQUESTS, REQUESTS, Scene, of, playing

from tidegate_contracts.decisions import (
    RolloutCompleted,
    RolloutPaused,
    RolloutRolledBack,
    StepCompleted,
    StepJudgingStarted,
)
from tidegate_contracts.facts import AnalysisConcluded, TrafficShifted
from tidegate_demo import promises
from tidegate_demo.journal import terminal, verdict_to_safe_s
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
SAFE_WITHIN_S = 1.0
"""From a failing verdict to the moment at which the proxy has accepted that no request goes there."""
SEEN_WITHIN_S = 12.0
"""From the step's first measurement to its failing verdict: the delay of its checks, two failures, and scrapes."""

SOON: dict[str, Any] = {"window_s": 10, "interval_s": 0.5, "initial_delay_s": 3, "inconclusive_limit": 20}
SUCCESS: dict[str, Any] = {
    "name": "success-rate",
    "query": f"100 * {GOOD_REQUESTS} / {REQUESTS}",
    "minimum": 99,
    "minimum_samples_query": COUNTED,
    "minimum_samples": 40,
}
LATENCY: dict[str, Any] = {"name": "latency", "query": f"histogram_quantile(0.95, {BUCKETS})", "maximum": 0.1}
MEMORY: dict[str, Any] = {"name": "memory", "metric": "memory-growth", "maximum": 20}

WITHOUT_REQUESTS: dict[str, Any] = {
    "replicas": "20%",
    "traffic": {"weight_percent": 0},
    "analysis": {"pod_health": {}, "checks": [MEMORY | SOON]},
}
WITH_SOME: dict[str, Any] = {
    "replicas": "20%",
    "traffic": {"weight_percent": 20},
    "analysis": {"pod_health": {}, "checks": [SUCCESS | SOON, LATENCY | SOON]},
}
STEPS = [WITHOUT_REQUESTS, WITH_SOME, {"replicas": "100%"}]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(own_sandbox: SandboxState, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with playing(own_sandbox, tmp_path_factory.mktemp("load") / "load.jsonl") as made:
        yield made


@pytest.mark.parametrize(
    ("version", "step", "check", "reason"),
    [
        pytest.param("wrong_errors-5", 2, "success-rate", "not at least 99", id="5 percent of errors"),
        pytest.param("slow_latency-300", 2, "latency", "not at most 0.1", id="slow"),
        pytest.param("leaking_leak-0.5", 1, "memory", "not at most 20", id="leaking"),
        pytest.param("crashing_crash-2", 1, "pod_restarts", "not at most 0,", id="crash-looping"),
    ],
)
async def test_a_bad_version_is_caught_at_the_first_step_that_can_show_it(
    scene: Scene, version: str, step: int, check: str, reason: str
) -> None:
    name, _, _ = version.partition("_")
    await scene.ask(name, version, STEPS)
    events = await scene.ended(name)
    assert isinstance(terminal(events), RolloutRolledBack), terminal(events)
    verdict = of(events, AnalysisConcluded)[-1]
    assert (verdict.step, verdict.verdict) == (step, "fail"), verdict.reason
    failed = [found for found in verdict.measurements if found.verdict == "fail"]
    assert [found.check for found in failed] == [check]
    assert check in verdict.reason
    assert reason in verdict.reason
    assert failed[0].values, "the evidence has what was measured"
    assert verdict.at_s - verdict.started_at_s < SEEN_WITHIN_S
    highest = max(shift.weight_percent for shift in of(events, TrafficShifted))
    assert highest == (20 if step == 2 else 0)
    await scene.nothing_is_broken("v1")
    if step == 1:
        assert not any(name in window.versions for window in scene.world.load.windows)
        return
    safe_s = verdict_to_safe_s(events)
    assert safe_s is not None
    assert safe_s < SAFE_WITHIN_S
    silent = promises.silent_after(scene.world.load.windows, name, verdict.at_s + SAFE_WITHIN_S)
    assert silent.kept, silent


@pytest.mark.wide
async def test_while_nothing_can_be_measured_a_rollout_stands_and_then_goes_on(scene: Scene) -> None:
    """Prometheus dies while a step is judged, and comes back; it scrapes again some five seconds later."""
    judged = {**WITH_SOME, "analysis": {"checks": [SUCCESS | SOON, LATENCY | SOON]}}
    await scene.ask("unseen", "v2", [judged, {"replicas": "100%"}])
    await scene.until("unseen", lambda events: of(events, StepJudgingStarted))
    await scene.part("halt")
    try:
        await scene.until("unseen", lambda events: of(events, RolloutPaused))
        events = scene.world.listener.of("unseen")
        (verdict,) = of(events, AnalysisConcluded)
        assert verdict.verdict == "inconclusive"
        assert "Prometheus could not be asked" in verdict.reason
        assert [shift.weight_percent for shift in of(events, TrafficShifted)][-1] == 20
        assert not of(events, StepCompleted)
    finally:
        await scene.part("start")
    await scene.tell("unseen", "resume")
    events = await scene.ended("unseen")
    assert isinstance(terminal(events), RolloutCompleted), terminal(events)
    assert [found.verdict for found in of(events, AnalysisConcluded)] == ["inconclusive", "pass"]
    await scene.nothing_is_broken("v2")


@pytest.mark.thorough
async def test_while_nobody_measures_a_rollout_stands_and_then_goes_on(scene: Scene) -> None:
    """The analyzer dies while a step is judged, and is started again when the deadline is over."""
    judged = {**WITH_SOME, "analysis": {"checks": [SUCCESS | SOON]}}
    await scene.ask("unjudged", "v1", [judged, {"replicas": "100%"}], deadlines={"analysis_s": 8})
    await scene.until("unjudged", lambda events: of(events, StepJudgingStarted))
    await scene.stack["metrics-analyzer"].kill()
    await scene.until("unjudged", lambda events: of(events, RolloutPaused))
    assert not of(scene.world.listener.of("unjudged"), AnalysisConcluded)
    await scene.stack.restart("metrics-analyzer")
    await scene.tell("unjudged", "resume")
    events = await scene.ended("unjudged")
    assert isinstance(terminal(events), RolloutCompleted), terminal(events)
    await scene.nothing_is_broken("v1")
