"""A Rollout's analyses say whatever a request's can, in Kruise's spelling, and nothing of them is lost on the way."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
import yaml
from support.kruise_rollouts import JUDGED, QUERY, refused, requested
from support.sources import REPOSITORY

from tidegate_contracts.built_in import MetricSource, PodMetric, RequestMetric
from tidegate_contracts.comparison import Comparison
from tidegate_contracts.outside import AlertWatch, AwaitedVerdict
from tidegate_contracts.rollout import Analysis, Check, PodHealth
from tidegate_contracts.score import Score
from tidegate_contracts.templates import TemplateArgument, TemplateReference
from tidegate_rollout_operator.blocks import (
    AlertBlock,
    AnalysisBlock,
    ArgumentBlock,
    CheckBlock,
    CompareBlock,
    PodHealthBlock,
    ScoreBlock,
    TemplateBlock,
    VerdictBlock,
)
from tidegate_rollout_operator.kruise import Strategy


def test_whatever_a_request_can_say_of_an_analysis_a_rollout_can_too() -> None:
    """Field by field: what is added to a request's analysis has to be added here, in `blocks` and to the definition."""
    steps = [{"replicas": "20%", "analysis": JUDGED}, {"replicas": "100%"}]
    assert requested(steps=steps).steps[0].analysis == Analysis(
        checks=(
            Check(
                name="good",
                metric="success-rate",
                source="contour",
                service="web-canary",
                minimum=99,
                criticality="critical",
            ),
            Check(
                name="slow",
                query=QUERY,
                compare=Comparison(
                    direction="increase", points=9, tolerance_percent=5, tolerance=0.5, confidence_percent=95
                ),
                groups=("users",),
            ),
        ),
        verdicts=(AwaitedVerdict(name="tests", signed_by=("ci",), within_s=60),),
        alerts=(AlertWatch(name="pages", labels={"severity": ("critical", "page")}, look_back_s=30),),
        baseline="fresh",
        score=Score(pass_score=90, marginal_score=60, weights={"users": 70}),
    )


BLOCKS = {
    AnalysisBlock: Analysis,
    CheckBlock: Check,
    CompareBlock: Comparison,
    PodHealthBlock: PodHealth,
    TemplateBlock: TemplateReference,
    ArgumentBlock: TemplateArgument,
    VerdictBlock: AwaitedVerdict,
    AlertBlock: AlertWatch,
    ScoreBlock: Score,
}


def _in_kruises_spelling(kind: type[msgspec.Struct]) -> set[str]:
    """The fields' names, with their seconds written out."""
    plain = [re.sub("_s$", "_seconds", field.name) for field in msgspec.structs.fields(kind)]
    return {re.sub("_([a-z])", lambda found: found[1].upper(), name) for name in plain}


@pytest.mark.parametrize(("block", "said"), BLOCKS.items(), ids=lambda kind: kind.__name__)
def test_no_field_of_an_analysis_is_left_out(block: type[msgspec.Struct], said: type[msgspec.Struct]) -> None:
    assert {field.encode_name for field in msgspec.structs.fields(block)} == _in_kruises_spelling(said)


def test_the_definition_keeps_every_field_of_an_analysis_wherever_one_stands() -> None:
    """The API server takes out what a definition doesn't know."""
    text = (REPOSITORY / "deploy/kubernetes/crds/rollouts.yaml").read_text(encoding="utf-8")
    found = list(_analyses(yaml.safe_load(text)["spec"]["versions"][0]))
    assert len(found) == 4
    for definition in found:
        fields = definition["properties"]
        assert set(fields) == _in_kruises_spelling(Analysis)
        assert set(fields["checks"]["items"]["properties"]) == _in_kruises_spelling(Check)
        assert set(fields["checks"]["items"]["properties"]["compare"]["properties"]) == _in_kruises_spelling(Comparison)
        assert set(fields["verdicts"]["items"]["properties"]) == _in_kruises_spelling(AwaitedVerdict)
        assert set(fields["alerts"]["items"]["properties"]) == _in_kruises_spelling(AlertWatch)
        assert set(fields["score"]["properties"]) == _in_kruises_spelling(Score)
        check = fields["checks"]["items"]["properties"]
        assert check["metric"]["enum"] == [*get_args(RequestMetric), *get_args(PodMetric)]
        assert check["source"]["enum"] == list(get_args(MetricSource))


def test_the_definition_keeps_every_field_of_a_strategy() -> None:
    text = (REPOSITORY / "deploy/kubernetes/crds/rollouts.yaml").read_text(encoding="utf-8")
    definition = yaml.safe_load(text)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    strategy = definition["properties"]["spec"]["properties"]["strategy"]["properties"]
    assert {field.encode_name for field in msgspec.structs.fields(Strategy)} <= set(strategy)
    assert strategy["analysisFromStep"] == {"type": "integer"}


def _analyses(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        for name, part in tree.items():
            if name == "analysis":
                yield part
            else:
                yield from _analyses(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from _analyses(part)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"windowSeconds": 0.1}, "checks[0].windowSeconds"),
        ({"failureLimit": 0}, "checks[0].failureLimit"),
        ({"query": ""}, "checks[0].query"),
        ({"minimumSamplesQuery": "{{nothing}}"}, "checks[0].minimumSamplesQuery"),
    ],
)
def test_what_is_wrong_with_an_analysis_is_told_in_kruises_words(change: dict[str, Any], field: str) -> None:
    check = {"name": "errors", "query": "errors", "maximum": 1} | change
    assert refused(steps=[{"replicas": 1, "analysis": {"checks": [check]}}]) == [
        f"spec.strategy.canary.steps[0].analysis.{field}"
    ]
