"""What an analysis may wait for from outside, what a verdict may say, and what its signature covers."""

import math
from typing import Any

import pytest
from hypothesis import given
from strategies import labels

from tidegate_contracts import signing, subjects
from tidegate_contracts.codec import Malformed, decode_verdict
from tidegate_contracts.outside import AlertWatch, AwaitedVerdict
from tidegate_contracts.rollout import Analysis, Check, Deadlines, PodHealth, RolloutRequested, Step
from tidegate_contracts.validate import validate
from tidegate_contracts.validate_outside import validate_verdict
from tidegate_contracts.verdicts import VerdictGiven
from tidegate_contracts.workload import WorkloadReference

TESTS = AwaitedVerdict(name="acceptance-tests")
PAGES = AlertWatch(name="pages", labels={"deployment": "{{workload}}"})
KEY = "0123456789abcdef0123456789abcdef"


def faults(step: Analysis, background: Analysis | None = None) -> list[str]:
    request = RolloutRequested(
        workload=WorkloadReference(name="web"),
        steps=(Step(replicas="20%", analysis=step),),
        analysis=background,
        deadlines=Deadlines(analysis_s=100),
    )
    return [each.field.removeprefix("steps[0].analysis.") for each in validate(request, "shop")]


def test_verdicts_and_alerts_can_be_waited_for() -> None:
    alerts = Analysis(alerts=(PAGES,))
    assert faults(Analysis(verdicts=(TESTS,), alerts=(PAGES,)), alerts) == []
    assert faults(Analysis(pod_health=PodHealth(), alerts=(PAGES,))) == []


def test_that_no_alert_fires_passes_no_step() -> None:
    assert faults(Analysis(alerts=(PAGES,))) == ["alerts"]


@pytest.mark.parametrize(
    ("awaited", "field"),
    [
        (AwaitedVerdict(name="Tests"), "name"),
        (AwaitedVerdict(name="a.b"), "name"),
        (AwaitedVerdict(name="t", within_s=0), "within_s"),
        (AwaitedVerdict(name="t", within_s=101), "within_s"),
        (AwaitedVerdict(name="t", within_s=math.nan), "within_s"),
        (AwaitedVerdict(name="t", signed_by=("../key",)), "signed_by[0]"),
        (AwaitedVerdict(name="t", signed_by=("k",) * 11), "signed_by"),
    ],
)
def test_an_awaited_verdict_with_a_fault(awaited: AwaitedVerdict, field: str) -> None:
    assert faults(Analysis(verdicts=(awaited,))) == [f"verdicts[0].{field}"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"labels": {}}, "labels"),
        ({"labels": {"a-b": "c"}}, "labels"),
        ({"labels": {"team": ""}}, "labels.team"),
        ({"labels": {"team": ()}}, "labels.team"),
        ({"labels": {"team": ("a", "b\n")}}, "labels.team"),
        ({"labels": {"team": "{{window}}"}}, "labels.team"),
        ({"look_back_s": -1}, "look_back_s"),
        ({"look_back_s": 86_401}, "look_back_s"),
        ({"name": "_"}, "name"),
    ],
)
def test_a_watch_with_a_fault(changes: dict[str, Any], field: str) -> None:
    watch = AlertWatch(**{"name": "pages", "labels": {"team": "shop"}} | changes)
    assert faults(Analysis(verdicts=(TESTS,), alerts=(watch,))) == [f"alerts[0].{field}"]


def test_names_are_told_apart_over_all_that_is_judged() -> None:
    check = Check(name="pages", query="up", minimum=1)
    assert faults(Analysis(checks=(check,), alerts=(PAGES,))) == ["alerts[0].name"]
    assert faults(Analysis(verdicts=(TESTS, TESTS))) == ["verdicts[1].name"]
    assert "" in [
        fault.removeprefix("steps[0].analysis")
        for fault in faults(Analysis(verdicts=tuple(AwaitedVerdict(name=f"t{number}") for number in range(21))))
    ]


def test_a_good_verdict_has_no_problem() -> None:
    verdict = VerdictGiven(
        verdict="pass", reason="ok", step=1, by="ci", issued_at_s=1.5, link="https://ci.example/1", figures={"ran": 3}
    )
    assert validate_verdict(verdict) == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "a\nb"}, "reason"),
        ({"reason": "a" * 513}, "reason"),
        ({"by": "a\x00"}, "by"),
        ({"step": 0}, "step"),
        ({"step": 52}, "step"),
        ({"issued_at_s": -1.0}, "issued_at_s"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"link": "https://user:password@ci.example"}, "link"),
        ({"link": "http://[::1"}, "link"),
        ({"link": "https://ci.example/ a"}, "link"),
        ({"figures": {str(number): 1.0 for number in range(17)}}, "figures"),
        ({"figures": {"": 1.0}}, "figures"),
        ({"figures": {"a": math.inf}}, "figures"),
    ],
)
def test_a_verdict_with_a_fault(changes: dict[str, Any], field: str) -> None:
    verdict = VerdictGiven(**{"verdict": "pass", "reason": "ok"} | changes)
    assert [each.field for each in validate_verdict(verdict)] == [field]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b'{"verdict": "maybe", "reason": "x", "type": "verdict.given.v1"}',
        b'{"verdict": "pass", "type": "verdict.given.v1"}',
        b'{"verdict": "pass", "reason": "x", "promote": true, "type": "verdict.given.v1"}',
        b'{"verdict": "pass", "reason": "' + b"a" * 9000 + b'", "type": "verdict.given.v1"}',
    ],
)
def test_what_is_no_verdict_is_refused(payload: bytes) -> None:
    with pytest.raises(Malformed):
        decode_verdict(payload)


@given(labels, labels, labels, labels)
def test_a_verdicts_subject_says_what_went_into_it(cluster: str, namespace: str, rollout: str, check: str) -> None:
    subject = subjects.verdict(cluster, namespace, rollout, check)
    assert subjects.parse_verdict(subject) == (cluster, namespace, rollout, check)
    assert subject.rpartition(".")[0] == subjects.rollout_verdicts(cluster, namespace, rollout).removesuffix(".*")


def test_a_signature_is_what_any_program_makes_of_subject_and_body() -> None:
    r"""As `printf 'tidegate…tests\n{"verdict":"pass"}' | openssl dgst -sha256 -hmac KEY` has it."""
    subject, payload = "tidegate.verdicts.default.shop.web-1.tests", b'{"verdict":"pass"}'
    made = signing.signature(KEY, subject, payload)
    assert made == "2f9124c8f2800d79c3fad11eaf9c9fcae646e0d2534b59265098dc6e9fc1fe83"
    assert signing.headers("ci", KEY, subject, payload) == {"tidegate-key": "ci", "tidegate-signature": made}
    assert signing.is_signature(made, KEY, subject, payload)
    assert not signing.is_signature(made, KEY, subject, payload + b" ")
    assert not signing.is_signature(made, KEY, subject.replace("web-1", "web-2"), payload)
    assert not signing.is_signature(made, KEY[::-1], subject, payload)
    assert not signing.is_signature("", KEY, subject, payload)
    assert not signing.is_signature("é", KEY, subject, payload)
