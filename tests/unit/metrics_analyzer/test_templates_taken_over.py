"""A copy that takes an analysis by templates over goes on with what the other one had measured."""

import asyncio

import pytest
from support.clock import ManualClock
from support.metric_providers import ToldValue
from support.template_runs import BAD, BEGAN_S, GOOD, Running, ran, rate
from support.templates import TemplateShelf, template

from tidegate_metrics_analyzer import kept
from tidegate_metrics_analyzer.kept import Kept, KeptRun, KeptTemplates
from tidegate_metrics_analyzer.question import Unusable
from tidegate_metrics_analyzer.template_run import TemplateRun


def left_by(run: TemplateRun, ahead_s: float) -> KeptTemplates:
    """As another copy reads it, whose clock that only goes forward is behind by so much."""
    whole = KeptRun(measures="", since_s=0.0, checks={}, templates=run.kept())
    left = Kept(rollout="r", order_revision=1, at_s=0.0, wall_ahead_s=ahead_s, started_at_s=0.0, step=whole)
    found = kept.decode(kept.encode(left), 0.0)
    assert found is not None
    assert found.step is not None
    assert found.step.templates is not None
    return found.step.templates


async def interrupted(shelf: TemplateShelf, *told: ToldValue) -> Running:
    """A run that another copy has to go on with, after these answers."""
    it = Running(shelf, errors=[*told, Unusable("never read")])

    def changed() -> None:
        if it.run.evidence()[0].measured == len(told):
            measuring.cancel()

    measuring = asyncio.create_task(it.run.measure(it.measurer, it.clock, changed))
    await asyncio.gather(measuring, return_exceptions=True)
    assert it.run.evidence()[0].measured == len(told)
    return it


async def test_a_successor_goes_on_with_argos_counts_and_its_own_clock() -> None:
    shelf = TemplateShelf(t=template(rate(interval="5s", count=4, failureLimit=1)))
    first = await interrupted(shelf, BAD, GOOD)
    second = Running(shelf, errors=[GOOD, BAD])
    second.run.take_over(left_by(first.run, ahead_s=-100.0), since_s=BEGAN_S)
    assert second.run.kept().metrics, "what was left is not lost before the templates are read again"
    second.clock = ManualClock(first.clock.now_s() - 102.0)
    await second.to_the_end()
    assert second.run.verdict() == "fail"
    (found,) = second.run.evidence()
    assert (found.measured, found.failed) == (4, 2)
    assert found.assessed is not None
    assert [sample.phase for sample in found.assessed.samples] == ["Failed", "Successful", "Successful", "Failed"]
    assert second.clock.slept_s[0] == pytest.approx(2.0)


async def test_counts_of_a_template_that_was_changed_meanwhile_are_not_taken() -> None:
    first = await interrupted(TemplateShelf(t=template(rate(interval="5s", count=4, failureLimit=1))), BAD, GOOD)
    changed = TemplateShelf(t=template(rate(interval="5s", count=3, failureLimit=1)))
    second = Running(changed, errors=[GOOD])
    second.run.take_over(left_by(first.run, ahead_s=0.0), since_s=BEGAN_S)
    await second.to_the_end()
    assert (second.run.verdict(), second.run.evidence()[0].measured) == ("pass", 3)


async def test_a_verdict_that_was_reached_needs_no_further_measurement() -> None:
    shelf = TemplateShelf(t=template(rate(interval="5s", count=2)))
    first = await ran(rate(interval="5s", count=2), errors=[GOOD])
    second = Running(shelf, errors=[BAD])
    second.run.take_over(left_by(first.run, ahead_s=0.0), since_s=BEGAN_S)
    await second.to_the_end()
    assert (second.run.verdict(), second.provider.questions) == ("pass", [])


async def test_a_delay_at_the_beginning_doesnt_begin_anew() -> None:
    second = Running(TemplateShelf(t=template(rate(initialDelay="30s"))), errors=[GOOD])
    second.run.take_over(KeptTemplates(identity="r", metrics={}), since_s=BEGAN_S - 10.0)
    await second.to_the_end()
    assert second.clock.slept_s[0] == pytest.approx(20.0)
