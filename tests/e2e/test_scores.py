"""Many checks and one score, played on real parts: what passes, what is marginal, and what no score makes up for.

The checks ask the real Prometheus of the sandbox, one of them comparing the revisions; the pods have a real load.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from support.bad_versions import COUNTED, GOOD_REQUESTS, OF_IT, REQUESTS, Scene, of, playing

from tidegate_contracts.decisions import RolloutCompleted, RolloutPaused, RolloutRolledBack
from tidegate_contracts.facts import AnalysisConcluded
from tidegate_contracts.score import Scored
from tidegate_demo.journal import terminal
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
SUM, COUNT = (
    f"sum(rate(http_request_duration_seconds_{part}{{{OF_IT}}}[{{{{window}}}}]))" for part in ("sum", "count")
)
CHECKS: list[dict[str, Any]] = [
    {
        "name": "latency",
        "query": f"{SUM} / {COUNT}",
        "groups": ["users"],
        "window_s": 2,
        "compare": {"direction": "increase", "points": 8, "tolerance": 0.05},
    },
    {
        "name": "good-answers",
        "query": f"100 * {GOOD_REQUESTS} / {REQUESTS}",
        "minimum": 99,
        "groups": ["users"],
        "criticality": "critical",
        "minimum_samples_query": COUNTED,
        "minimum_samples": 40,
        "window_s": 10,
        "initial_delay_s": 3,
        "inconclusive_limit": 20,
    },
    {
        "name": "memory",
        "metric": "memory-growth",
        "maximum": 20,
        "groups": ["pods"],
        "window_s": 10,
        "initial_delay_s": 3,
        "inconclusive_limit": 20,
    },
    {"name": "restarts", "metric": "restarts", "maximum": 0, "groups": ["pods"], "window_s": 120},
    # There is no such series: it would be no data, if it counted.
    {"name": "throttling", "metric": "cpu-throttling", "maximum": 1, "criticality": "muted"},
]
STEPS: list[dict[str, Any]] = [
    {
        "replicas": "20%",
        "traffic": {"weight_percent": 20},
        "analysis": {
            "score": {"pass_score": 90, "marginal_score": 60, "weights": {"users": 70}},
            "checks": CHECKS,
        },
    },
    {"replicas": "100%"},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(own_sandbox: SandboxState, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with playing(own_sandbox, tmp_path_factory.mktemp("load") / "load.jsonl") as made:
        yield made


async def test_a_marginal_score_waits_for_somebody(scene: Scene) -> None:
    """Half of what the pods count for is missing: 85 of the 90 that pass."""
    await scene.ask("marginal", "v2_leak-0.5", STEPS)
    await scene.until("marginal", lambda events: of(events, RolloutPaused))
    verdict, scored = _scored(scene.world.listener.of("marginal"))
    assert (verdict.verdict, scored.rule) == ("inconclusive", "marginal")
    assert (scored.score, scored.best_score) == (85.0, 85.0)
    told = {check.check: check.classification for check in scored.checks}
    assert told == {
        "latency": "pass",
        "good-answers": "pass",
        "memory": "high",
        "restarts": "pass",
        "throttling": told["throttling"],
    }
    assert {(group.name, group.weight_percent, group.score) for group in scored.groups} == {
        ("users", 70.0, 100.0),
        ("pods", 30.0, 50.0),
    }
    await scene.tell("marginal", "roll-back")
    assert isinstance(terminal(await scene.ended("marginal")), RolloutRolledBack)
    await scene.nothing_is_broken("v1")


@pytest.mark.thorough
async def test_no_score_makes_up_for_a_critical_check(scene: Scene) -> None:
    await scene.ask("critical", "v2_errors-5", STEPS)
    events = await scene.ended("critical")
    assert isinstance(terminal(events), RolloutRolledBack), terminal(events)
    verdict, scored = _scored(events)
    assert (verdict.verdict, scored.rule) == ("fail", "critical_failed")
    assert "good-answers" in verdict.reason
    await scene.nothing_is_broken("v1")


@pytest.mark.thorough
async def test_a_score_below_marginal_goes_back(scene: Scene) -> None:
    """Slow, as the comparison with the stable revision sees it, and leaking: 35 and 15."""
    await scene.ask("low", "v2_latency-200_leak-0.5", STEPS)
    events = await scene.ended("low")
    assert isinstance(terminal(events), RolloutRolledBack), terminal(events)
    verdict, scored = _scored(events)
    assert (verdict.verdict, scored.rule) == ("fail", "too_low")
    assert scored.best_score < 60
    latency = next(found for found in verdict.measurements if found.check == "latency")
    assert latency.compared is not None
    assert (latency.verdict, latency.compared.side) == ("fail", "high")
    await scene.nothing_is_broken("v1")


@pytest.mark.thorough
async def test_a_good_version_reaches_its_score(scene: Scene) -> None:
    await scene.ask("reached", "v2", STEPS)
    events = await scene.ended("reached")
    assert isinstance(terminal(events), RolloutCompleted), terminal(events)
    verdict, scored = _scored(events)
    assert (verdict.verdict, scored.rule, scored.score) == ("pass", "reached", 100.0)
    await scene.nothing_is_broken("v2")


def _scored(events: list[Any]) -> tuple[AnalysisConcluded, Scored]:
    (verdict,) = of(events, AnalysisConcluded)
    assert verdict.scored is not None, verdict
    return verdict, verdict.scored
