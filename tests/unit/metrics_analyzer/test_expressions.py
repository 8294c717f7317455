"""What the real expr answers, and what ours adds: it always ends, and never reaches Python."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.expressions.differences import difference
from support.expressions.generator import Generator
from support.expressions.writing import answer, result_of

from tidegate_metrics_analyzer.expr import Expression, Fault, FaultKind, compile_expression

FOLDER = Path(__file__).parent / "expressions"
RESULTS = [
    result_of(stored)
    for stored in json.loads((Path(__file__).parents[2] / "support/expressions/results.json").read_text())
]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ENDS_WITHIN_S = 10.0
"""Far more than any of them takes, and far less than what they ask for."""


def read(text: str) -> Expression:
    compiled = compile_expression(text)
    assert isinstance(compiled, Expression), compiled
    return compiled


def kind(answered: Any) -> FaultKind:
    assert isinstance(answered, Fault), answered
    return answered.kind


def rows(name: str) -> list[Any]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def test_written_expressions_come_to_what_expr_answers() -> None:
    written = rows("written.jsonl")
    assert len(written) >= 500
    assert [
        (text, theirs, ours) for place, text, theirs in written if (ours := answer(text, RESULTS[place])) != theirs
    ] == []


def test_generated_expressions_come_to_what_expr_answers() -> None:
    generated = rows("generated.jsonl")
    differing = [
        (text, theirs, ours) for place, text, theirs in generated if (ours := answer(text, RESULTS[place])) != theirs
    ]
    assert [row for row in differing if difference(*row) == "unknown"] == []
    assert len(differing) < len(generated) / 100


def test_the_documented_expressions_are_expressions() -> None:
    document = (Path(__file__).parents[3] / "docs/expressions.md").read_text(encoding="utf-8")
    examples = [line.partition("  #")[0] for line in document.split("```")[1].strip().splitlines()]
    assert len(examples) >= 5
    assert [text for text in examples if not isinstance(compile_expression(text), Expression)] == []
    assert read(examples[0]).holds([0.01]) is True
    assert read("1 + findLast([1, 2], true)").evaluate(None) == 3


def test_a_changed_answer_would_be_seen() -> None:
    assert difference("1 + 1", "i2", "i3") == "unknown"
    assert difference("result > 1", "!type", "true") == "unknown"
    assert difference("1 + 1", "i2", "i2") == ""


def test_a_condition_holds_or_not_or_is_a_fault() -> None:
    condition = read("result[0] < 0.05")
    assert condition.holds([0.01]) is True
    assert condition.holds([0.06]) is False
    assert kind(condition.holds([])) is FaultKind.INDEX
    assert kind(condition.holds(["a"])) is FaultKind.TYPE
    assert kind(read("result + 1").holds(1.0)) is FaultKind.TYPE
    assert str(read("result + 1").holds(1.0)) == "type: expected bool, but got float64"


def test_an_expression_is_judged_by_the_type_of_each_result() -> None:
    condition = read('result == "a"')
    assert condition.holds("a") is True
    assert kind(condition.holds(1.5)) is FaultKind.TYPE
    assert kind(condition.holds(["a"])) is FaultKind.TYPE
    assert condition.holds("b") is False


def test_a_tuple_is_an_array_of_floats_and_a_list_of_anything() -> None:
    condition = read('result[0] == "a"')
    assert condition.holds([1.0]) is False
    assert kind(condition.holds((1.0,))) is FaultKind.TYPE


def test_what_an_expression_comes_to_is_json() -> None:
    assert read('{"a": [1, 2.5, nil, true], "b": 1..3}').evaluate(None) == {"a": [1, 2.5, None, True], "b": [1, 2, 3]}
    assert read("groupBy([1, 2, 3], # > 1)").evaluate(None) == {"false": [1], "true": [2, 3]}
    assert read('duration("90s")').evaluate(None) == "1m30s"


def test_times_need_a_clock_that_is_handed_in() -> None:
    start = read('now() - duration("5m")')
    assert start.moment(NOW) == NOW - timedelta(minutes=5)
    assert read("now().Year() == 2026").holds(None, now=NOW) is True
    assert kind(read("now().Year() == 2026").holds(None)) is FaultKind.VALUE
    assert kind(read("5").moment(NOW)) is FaultKind.TYPE
    assert kind(read("result").moment(NOW)) is FaultKind.NAME


@pytest.mark.parametrize(
    "text",
    ["result.__class__", 'result["__class__"]', '"".format', "result.append(1)", "asInt.__globals__", "len.__self__"],
)
@pytest.mark.parametrize("result", [1.5, "a", [1], {"b": 1}, None], ids=str)
def test_nothing_of_python_is_within_reach(text: str, result: Any) -> None:
    answered = read(text).evaluate(result)
    assert answered is None or isinstance(answered, Fault)


@pytest.mark.parametrize(
    "result",
    [object(), {1: 2}, [{"a": object()}], {"a"}, b"bytes", (1, 2), NOW, [[object]]],
    ids=["an object", "a number as a key", "an object within", "a set", "bytes", "a tuple", "a time", "a class within"],
)
def test_a_result_that_is_no_json_is_a_fault(result: Any) -> None:
    assert kind(read("true").holds(result)) is FaultKind.TYPE


def test_a_number_beyond_64_bits_is_a_float() -> None:
    assert read("result == 2.0 ** 70").holds(2**70) is True
    assert kind(read("result > 1").holds(10**400)) is FaultKind.VALUE


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1" * 20_000, id="a long text"),
        pytest.param("(" * 5_000 + "1" + ")" * 5_000, id="parentheses"),
        pytest.param("[" * 5_000, id="arrays"),
        pytest.param("-" * 5_000 + "1", id="signs"),
        pytest.param("+".join(["1"] * 4_000), id="a long sum"),
        pytest.param("result" + ".a" * 4_000, id="a long way"),
        pytest.param("true ? 1 : " * 800 + "2", id="choices"),
        pytest.param("if true { 1 } else " * 500 + "{ 2 }", id="branches"),
        pytest.param("not " * 2_000 + "true", id="negations"),
        pytest.param("(" * 40 + "1" + " ?: 2)" * 40, id="nodes in two places"),
        pytest.param("1 < (" * 40 + "2" + " < 4) < 5" * 40, id="comparisons in two places"),
    ],
)
def test_a_text_that_is_too_large_or_too_deep_is_refused_at_once(text: str) -> None:
    assert kind(compile_expression(text)) is FaultKind.LIMIT


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1..2000000", id="a large range"),
        pytest.param("result matches `\\pL{100}`", id="a large pattern"),
        pytest.param("map(1..999, map(1..999, map(1..999, #)))", id="loops in loops"),
        pytest.param("all(1..900000, all(1..900000, true))", id="long loops"),
        pytest.param('reduce(1..60, #acc + #acc, "abcdefgh")', id="doubled text"),
        pytest.param('repeat(repeat("abc", 900000), 900000)', id="repeated text"),
        pytest.param('replace(repeat("a", 900000), "a", repeat("b", 900000))', id="replaced text"),
        pytest.param("reduce(1..60, [#acc, #acc], 1)", id="a doubled array"),
        pytest.param("string(reduce(1..60, [#acc, #acc], 1))", id="a doubled array as text"),
        pytest.param("string(reduce(1..9000, [#acc], 0))", id="a deep value"),
        pytest.param("flatten(reduce(1..9000, [#acc], 0))", id="a deep value flattened"),
        pytest.param("reduce(1..60, concat(#acc, #acc), [1])", id="concatenation"),
        pytest.param("sort(reverse(1..999999))", id="a large sort"),
        pytest.param("uniq(1..900000)", id="all pairs"),
        pytest.param("map(1..100000, string(#) matches (string(#) + '{1000}'))", id="patterns without end"),
        pytest.param("all(1..100000, repeat('a', 100000) matches '(a|aa)+$')", id="a pattern that runs away elsewhere"),
        pytest.param("all(1..100000, result[1:] == result[1:])", id="copies of a large result"),
    ],
)
def test_an_evaluation_that_would_take_for_ever_ends_as_a_fault_of_limit(text: str) -> None:
    started = time.monotonic()
    assert kind(read(text).evaluate([1.5] * 50_000)) is FaultKind.LIMIT
    assert time.monotonic() - started < ENDS_WITHIN_S


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("sort(" * 30 + "[1]" + ")" * 30, id="overloads"),
        pytest.param("join(" * 30 + "1" + ")" * 30, id="overloads that don't fit"),
        pytest.param("(" * 25 + "1" + " in 1..3 ? 1 : 2)" * 25, id="ranges that double their needle"),
    ],
)
def test_checking_and_rewriting_end_too(text: str) -> None:
    started = time.monotonic()
    answered = read(text).evaluate(None)
    assert answered is not ...
    assert time.monotonic() - started < ENDS_WITHIN_S


def test_a_pattern_that_backtracks_elsewhere_takes_no_time() -> None:
    started = time.monotonic()
    assert read('result matches "^(a+)+$"').holds("a" * 50_000 + "!") is False
    assert time.monotonic() - started < ENDS_WITHIN_S


def test_whatever_is_written_is_a_value_or_a_fault() -> None:
    """Also what is hardly an expression: nothing but a fault comes out of it."""
    generator = Generator(7)
    for _ in range(500):
        text = generator.expression()
        for cut in (text[: generator.below(len(text) + 1)], text[::-1]):
            compiled = compile_expression(cut)
            if isinstance(compiled, Expression):
                compiled.evaluate(RESULTS[generator.below(len(RESULTS))])
            else:
                assert compiled.kind in (FaultKind.SYNTAX, FaultKind.LIMIT)


def test_a_text_without_meaning_comes_neither_in_nor_out() -> None:
    assert kind(compile_expression('"\ud800" < "a"')) is FaultKind.SYNTAX
    assert read("result[0:1]").evaluate("\u00e9") == "\ufffd"
    assert read("result[0:1] + result[1:2] == result").holds("\u00e9") is True
    assert read("result").evaluate(["\ud800"]) == ["\ufffd"]


def test_a_fault_is_short_and_in_one_line() -> None:
    fault = compile_expression("@" + "\n" * 50 + "x" * 5_000)
    assert isinstance(fault, Fault)
    assert len(fault.message) <= 300
    assert "\n" not in fault.message
    assert kind(read("result.a").evaluate("\x1b[31m" * 500)) is FaultKind.TYPE
