"""What counts as one judgeable value: everything else is doubt with a reason, from the bytes on."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer.providers.reply import decode
from tidegate_metrics_analyzer.question import Answer, Question, Sample, Subject, Unanswered, Unusable
from tidegate_metrics_analyzer.reading import read, with_samples

NOW_S = 1_700_000_000.0
SUBJECT = Subject(namespace="shop", workload="web", stable_revision="7c9b", revision="5d8f")
QUESTION = Question(query="q", subject=SUBJECT, window_s=10.0, at_s=NOW_S)


def sample(value: float = 0.5, at_s: float = NOW_S, **labels: str) -> Sample:
    return Sample(value=value, at_s=at_s, labels=labels)


def test_one_finite_value_of_now_is_read() -> None:
    own = sample(0.5, NOW_S - 9, namespace="shop", revision="5d8f", pod="web-1")
    assert read(Answer(samples=(own,)), QUESTION) == 0.5


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        pytest.param((), "no data", id="empty"),
        pytest.param((sample(), sample()), "2 series", id="several series"),
        pytest.param((sample(math.nan),), "NaN", id="NaN"),
        pytest.param((sample(math.inf),), "not finite", id="infinite"),
        pytest.param((sample(-math.inf),), "not finite", id="minus infinite"),
        pytest.param((sample(1e308),), "not finite", id="an overflow"),
        pytest.param((sample(at_s=NOW_S - 11),), "stale", id="older than the window"),
        pytest.param((sample(at_s=NOW_S + 60),), "future", id="from the future"),
        pytest.param((sample(at_s=math.nan),), "future", id="of no moment at all"),
        pytest.param((sample(namespace="other"),), "another namespace", id="another namespace"),
        pytest.param((sample(revision="7c9b"),), "another revision", id="the stable revision"),
        pytest.param((sample(pod_template_hash="0000"),), "another revision", id="an unknown revision"),
    ],
)
def test_a_doubtful_answer_is_unusable(samples: tuple[Sample, ...], reason: str) -> None:
    found = read(Answer(samples=samples), QUESTION)
    assert isinstance(found, Unusable)
    assert reason in found.reason


@pytest.mark.parametrize(("count", "usable"), [(None, True), (10.0, True), (9.0, False), (Unusable("no data"), False)])
def test_too_few_samples_make_a_value_unusable(count: float | Unusable | None, usable: bool) -> None:
    check = Check(name="errors", query="q", maximum=1.0, minimum_samples_query="n", minimum_samples=10.0)
    assert (with_samples(0.5, count, check) == 0.5) is usable


@pytest.mark.parametrize("kind", [Unusable, Unanswered])
def test_an_error_of_the_count_stays_an_error(kind: type[Unusable]) -> None:
    check = Check(name="errors", query="q", maximum=1.0, minimum_samples_query="n", minimum_samples=10.0)
    found = with_samples(0.5, kind("gone"), check)
    assert found == kind("the number of samples is not known: gone")


def vector(value: str, at: str = "1700000000.0") -> bytes:
    series = f'{{"metric":{{}},"value":[{at},{value}]}}'
    return f'{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}'.encode()


@pytest.mark.parametrize("text", ["0.5", "-1", "1e-7", "1.797e+308", "+Inf", "-Inf", "NaN"])
def test_prometheus_numbers_are_decoded(text: str) -> None:
    answer = decode(200, vector(f'"{text}"'))
    assert isinstance(answer, Answer)
    assert repr(answer.samples[0].value) == repr(float(text))


def test_a_scalar_is_decoded() -> None:
    answer = decode(200, b'{"status":"success","data":{"resultType":"scalar","result":[1700000000,"2"]}}')
    assert answer == Answer(samples=(Sample(value=2.0, at_s=NOW_S),))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(200, b"", id="nothing"),
        pytest.param(200, b"<html>", id="a web page"),
        pytest.param(200, b"\xff\xfe", id="no text"),
        pytest.param(200, b"[" * 100_000, id="nested without end"),
        pytest.param(200, b"{}", id="no status"),
        pytest.param(200, b'{"status":"success"}', id="no data"),
        pytest.param(200, vector("0.5"), id="a bare number"),
        pytest.param(200, vector("null"), id="null"),
        pytest.param(200, vector('"hello"'), id="a word"),
        pytest.param(200, vector('"1_000"'), id="a number of Python's"),
        pytest.param(200, vector('" 1 "'), id="blanks"),
        pytest.param(200, vector('"0x10"'), id="a hexadecimal number"),
        pytest.param(200, vector('"0.5"', at='"now"'), id="no time"),
        pytest.param(200, b'{"status":"success","data":{"resultType":"matrix","result":[]}}', id="a matrix"),
        pytest.param(200, b'{"status":"success","data":{"resultType":"string","result":[1,"1"]}}', id="a string"),
        pytest.param(200, vector('"0.5"')[:-1] + b',"warnings":["partial"]}', id="a partial answer"),
        pytest.param(500, vector('"0.5"'), id="data with an error status"),
        pytest.param(503, b'{"status":"error","errorType":"timeout","error":"secret host"}', id="an error"),
    ],
)
def test_garbage_is_unusable_and_not_repeated(status: int, body: bytes) -> None:
    found = decode(status, body)
    assert isinstance(found, Unusable)
    assert "secret" not in found.reason


@given(status=st.integers(100, 599), body=st.binary(max_size=200))
def test_any_bytes_are_decoded_without_a_crash(status: int, body: bytes) -> None:
    assert isinstance(decode(status, body), Answer | Unusable)
