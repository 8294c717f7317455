"""A bake's verdict, checks that are only tried, and checks that are counted together."""

import msgspec
import pytest
from support.standing import BAD, GOOD, NONE, check, order, standing, verdict_on

from tidegate_contracts.orders import Analyse
from tidegate_contracts.rollout import Analysis, Check, PodHealth
from tidegate_contracts.score import Score

# the bake after the last step


async def test_a_bake_passes_only_when_its_time_is_over() -> None:
    told = order([check()], bakes_s=0.1)
    fact = await verdict_on(told, errors=[GOOD])
    assert (fact.scope, fact.step, fact.verdict) == ("bake", 2, "pass")
    assert fact.at_s >= told.watch_until_s
    assert fact.measurements[0].measured > 3


async def test_what_turns_bad_in_a_bake_fails_at_once() -> None:
    fact = await verdict_on(order([check()], bakes_s=60.0), errors=[*[GOOD] * 5, BAD])
    assert (fact.scope, fact.verdict) == ("bake", "fail")
    assert fact.reason.startswith("errors: 2 measurements in a row were not at most 0.05")


async def test_missing_values_make_a_bake_inconclusive_whatever_was_measured_before() -> None:
    fact = await verdict_on(order([check(inconclusive_limit=3)], bakes_s=60.0), errors=[*[GOOD] * 5, NONE])
    assert (fact.scope, fact.verdict) == ("bake", "inconclusive")


async def test_a_bake_whose_time_is_over_is_still_measured_as_often_as_was_asked() -> None:
    """As for the copy that takes over from one that died."""
    fact = await verdict_on(order([check(count=5)], bakes_s=-1.0), errors=[GOOD])
    assert (fact.verdict, fact.measurements[0].measured) == ("pass", 5)


async def test_a_bake_never_passes_without_enough_measurements() -> None:
    fact = await verdict_on(order([check(count=1000)], bakes_s=0.05, deadline_s=0.1), errors=[GOOD])
    assert (fact.scope, fact.verdict) == ("bake", "inconclusive")
    assert fact.reason.startswith("no verdict within 0.1 s; ")


# checks in a dry run


@pytest.mark.parametrize("bakes_s", [None, 0.05])
async def test_a_check_in_a_dry_run_is_told_of_and_decides_nothing(bakes_s: float | None) -> None:
    told = order([check(), check("latency", dry_run=True)], bakes_s=bakes_s)
    fact = await verdict_on(told, errors=[GOOD], latency=[BAD])
    assert fact.verdict == "pass"
    assert fact.reason == "all of 1 checks passed; latency would have failed but for the dry run"
    assert [(found.verdict, found.dry_run) for found in fact.measurements] == [("pass", False), ("fail", True)]


async def test_a_check_in_a_dry_run_is_waited_for_until_the_deadline_and_no_longer() -> None:
    told = order([check(), check("latency", count=1000, dry_run=True)], deadline_s=0.1)
    fact = await verdict_on(told, errors=[GOOD], latency=[GOOD])
    assert (fact.verdict, fact.measurements[1].verdict) == ("pass", "inconclusive")


async def test_a_check_in_a_dry_run_that_cannot_be_measured_decides_nothing_either() -> None:
    fact = await verdict_on(order([check(), check("latency", provider="unset", dry_run=True)]), errors=[GOOD])
    assert fact.verdict == "pass"
    assert "it is not configured" in fact.measurements[1].reason


async def test_a_check_in_a_dry_run_says_nothing_in_the_background() -> None:
    async with standing(order(background=[check(dry_run=True), check("latency")]), errors=[BAD], latency=[BAD]) as it:
        await it.until(lambda: bool(it.facts))
        assert it.facts[0].reason.startswith("latency: ")


def scored(*checks: Check, pod_health: PodHealth | None = None, **score: float) -> Analyse:
    analysis = Analysis(checks=checks, pod_health=pod_health, score=Score(**score))
    return msgspec.structs.replace(order(), step_analysis=analysis)


async def test_a_score_passes_over_a_check_that_failed_and_counts_it_once_and_for_all() -> None:
    told = scored(check(), check("latency", count=20), pass_score=50, marginal_score=50)
    fact = await verdict_on(told, errors=[BAD, BAD, GOOD], latency=[GOOD])
    assert fact.verdict == "pass"
    assert fact.scored is not None
    assert [found.classification for found in fact.scored.checks] == ["high", "pass"]
    assert fact.measurements[0].values == (BAD, BAD)
    assert fact.measurements[0].verdict == "fail"
    assert fact.reason == "the score is 50 (pass at 50, marginal at 50); failed: errors (high)"


async def test_a_score_is_failed_by_a_critical_check_at_once() -> None:
    told = scored(check(criticality="critical"), check("latency", count=1000), pass_score=50, marginal_score=0)
    fact = await verdict_on(told, errors=[BAD], latency=[GOOD])
    assert fact.verdict == "fail"
    assert fact.scored is not None
    assert (fact.scored.rule, fact.scored.score, fact.scored.best_score) == ("critical_failed", 0, 0)


async def test_a_score_is_failed_as_soon_as_nothing_can_save_it() -> None:
    told = scored(check(), check("latency", count=1000), marginal_score=75)
    fact = await verdict_on(told, errors=[BAD], latency=[GOOD])
    assert fact.verdict == "fail"
    assert fact.reason.startswith("the score is 0 to 50")


async def test_a_score_without_data_never_passes() -> None:
    told = scored(check(inconclusive_limit=2), check("latency", inconclusive_limit=2), check("unset", provider="unset"))
    fact = await verdict_on(told, errors=[NONE], latency=[NONE])
    assert fact.verdict == "inconclusive"
    assert fact.scored is not None
    assert [found.classification for found in fact.scored.checks] == ["no_data", "no_data", "error"]
    assert fact.reason.endswith("missing: errors (no data), latency (no data), unset (error)")


async def test_a_muted_check_is_told_of_and_not_waited_for() -> None:
    told = scored(check(), check("latency", count=1000, criticality="muted"))
    fact = await verdict_on(told, errors=[GOOD], latency=[GOOD])
    assert fact.verdict == "pass"
    assert fact.scored is not None
    assert fact.scored.checks[1].classification == "undecided"
    assert fact.measurements[1].measured > 0


async def test_pod_health_is_no_part_of_a_score_and_has_to_pass() -> None:
    """Here it can't be measured at all: there is no such provider."""
    fact = await verdict_on(scored(check(), pod_health=PodHealth()), errors=[GOOD])
    assert fact.verdict == "inconclusive"
    assert fact.scored is not None
    assert [found.check for found in fact.scored.checks] == ["errors"]
    assert "pod_restarts: unknown metric provider" in fact.reason
