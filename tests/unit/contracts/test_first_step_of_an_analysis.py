"""The step that the analysis of the whole rollout begins with: one that there is, where there is an analysis."""

import pytest

from tidegate_contracts.rollout import Analysis, PodHealth, RolloutRequested, Step
from tidegate_contracts.validate import validate
from tidegate_contracts.workload import WorkloadReference

ANALYSIS = Analysis(pod_health=PodHealth())


def fields(number: int, analysis: Analysis | None = ANALYSIS) -> list[str]:
    request = RolloutRequested(
        workload=WorkloadReference(name="web"),
        steps=(Step(replicas="20%"), Step(replicas="100%")),
        analysis=analysis,
        analysis_from_step=number,
    )
    return [found.field for found in validate(request, "shop")]


@pytest.mark.parametrize("number", [1, 2])
def test_it_begins_with_any_step(number: int) -> None:
    assert fields(number) == []


@pytest.mark.parametrize("number", [-1, 0, 3])
def test_it_begins_with_no_step_that_there_is_not(number: int) -> None:
    assert fields(number) == ["analysis_from_step"]


def test_without_an_analysis_nothing_begins() -> None:
    assert fields(2, None) == ["analysis_from_step"]
    assert fields(1, None) == []
