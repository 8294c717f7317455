"""A background analysis that begins with a later step than the first one."""

from support.saga import ANALYSIS, Saga, request, step

from tidegate_contracts.controls import JumpToStep
from tidegate_contracts.orders import Analyse, ReleaseAnalysis
from tidegate_contracts.rollout import Analysis, Pause, PodHealth

OTHER = Analysis(pod_health=PodHealth())


def test_a_background_analysis_may_begin_with_a_later_step() -> None:
    saga = Saga()
    saga.ask(request(step("20%", analysis=OTHER), step("50%"), step("100%"), analysis=ANALYSIS, analysis_from_step=2))
    saga.to_step(1).ready()
    assert saga.standing(Analyse, saga.orders.analysis).background_analysis is None
    saga.judged()
    assert saga.ready() == ["StepJudgingStarted", "StepCompleted", "StepStarted"]
    order = saga.standing(Analyse, saga.orders.analysis)
    assert (order.step, order.step_analysis, order.background_analysis) == (2, None, ANALYSIS)
    saga.to_end()
    assert saga.said.count("StepJudgingStarted") == 2


def test_until_its_step_a_background_analysis_is_waited_for_by_none() -> None:
    saga = Saga()
    saga.ask(request(step("20%"), step("50%"), step("100%"), analysis=ANALYSIS, analysis_from_step=3))
    saga.to_step(3)
    assert saga.orders.analysis is None
    assert "StepJudgingStarted" not in saga.said
    assert saga.ready()[0] == "StepJudgingStarted"


def test_after_a_jump_back_it_begins_with_its_step_again() -> None:
    saga = Saga()
    last = step("100%", pause=Pause())
    saga.ask(request(step("20%", analysis=OTHER), step("50%"), last, analysis=ANALYSIS, analysis_from_step=2))
    saga.to_step(1).ready()
    saga.judged()
    saga.ready()
    saga.tell(JumpToStep(step=1, by="ann"))
    saga.to_step(1).ready()
    assert saga.standing(Analyse, saga.orders.analysis).background_analysis is None
    saga.judged()
    assert saga.ready()[0] == "StepJudgingStarted"
    assert saga.standing(Analyse, saga.orders.analysis).background_analysis == ANALYSIS


def test_another_first_step_of_the_background_analysis_takes_it_away_and_brings_it() -> None:
    saga = Saga()
    saga.ask(request(step("20%", pause=Pause()), step("60%"), step("100%")))
    saga.to_step(1).ready()
    saga.replan(analysis=ANALYSIS)
    saga.replan(analysis_from_step=2)
    assert isinstance(saga.orders.analysis, ReleaseAnalysis)
    saga.replan(analysis_from_step=1)
    assert saga.standing(Analyse, saga.orders.analysis).background_analysis == ANALYSIS


def test_what_began_with_an_earlier_step_goes_on_where_it_would_have_begun_by_now() -> None:
    """The order still names the step that it began with; what counts is the step at which the rollout stands."""
    saga = Saga()
    saga.ask(request(step("20%"), step("60%", pause=Pause()), step("100%"), analysis=ANALYSIS))
    saga.to_step(1).ready()
    saga.to_step(2).ready()
    assert saga.standing(Analyse, saga.orders.analysis).step == 1
    saga.replan(analysis_from_step=2)
    assert saga.standing(Analyse, saga.orders.analysis).background_analysis == ANALYSIS
    saga.replan(analysis_from_step=3)
    assert isinstance(saga.orders.analysis, ReleaseAnalysis)
