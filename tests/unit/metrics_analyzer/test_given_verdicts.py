"""Verdicts from outside: which count, and what follows from all that were given, whatever their order and number."""

import itertools
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from tidegate_chassis.message import Message
from tidegate_contracts import signing
from tidegate_contracts.codec import encode
from tidegate_contracts.outside import AwaitedVerdict, VerdictWord
from tidegate_contracts.verdicts import VerdictGiven
from tidegate_metrics_analyzer import given
from tidegate_metrics_analyzer.given import Frame, Given, Refused, Tally

SUBJECT = "tidegate.verdicts.default.shop.r-1.tests"
KEYS = {"ci": "c" * 32, "people": "p" * 32}
SINCE_S = 1000.0
OPEN = AwaitedVerdict(name="tests")
SIGNED = AwaitedVerdict(name="tests", signed_by=("ci",))


def key_of(name: str) -> str:
    if name not in KEYS:
        raise ValueError(f"the key {name} can't be read")
    return KEYS[name]


STEP_1 = Frame(since_s=SINCE_S, step=1, key_of=key_of)
BACKGROUND = Frame(since_s=SINCE_S, step=None, key_of=key_of)


def verdict(word: VerdictWord = "pass", **changes: Any) -> VerdictGiven:
    return VerdictGiven(**{"verdict": word, "reason": "it was seen", "step": 1, "issued_at_s": 1010.0} | changes)


def message(said: VerdictGiven | bytes, *, key: str = "", subject: str = SUBJECT, **changes: Any) -> Message:
    payload = said if isinstance(said, bytes) else encode(said)
    headers = signing.headers(key, KEYS.get(key, "x" * 32), SUBJECT, payload) if key else {}
    fields = {"payload": payload, "headers": headers, "time_s": 1011.0, "id": "v-1"} | changes
    return Message(subject=subject, stream="s", sequence=1, deliveries=0, **fields)


def refusal(awaited: AwaitedVerdict, said: Message, frame: Frame = STEP_1) -> str:
    found = given.read(awaited, said, frame)
    assert isinstance(found, Refused), found
    return found.reason


def test_one_that_counts_is_told_with_all_that_it_says() -> None:
    said = verdict("fail", by="the tests", link="https://ci.example/1", figures={"failed": 2.0})
    found = given.read(SIGNED, message(said, key="ci"), STEP_1)
    assert isinstance(found, Given)
    assert found.word == "fail"
    assert msgspec.structs.asdict(found.told) == {
        "id": "v-1",
        "at_s": 1010.0,
        "by": "the tests",
        "key": "ci",
        "reason": "it was seen",
        "link": "https://ci.example/1",
        "figures": {"failed": 2.0},
        "labels": {},
    }


@pytest.mark.parametrize(
    ("awaited", "said", "reason"),
    [
        (SIGNED, message(verdict()), "it is not signed by 'ci'"),
        (SIGNED, message(verdict(), key="people"), "signed with 'people', and not by 'ci'"),
        (OPEN, message(verdict(), key="stranger"), "can't be looked at: the key stranger"),
        (SIGNED, message(verdict(), key="ci", payload=encode(verdict("pass", by="forger"))), "is not the one that"),
        (SIGNED, message(verdict(), key="ci", subject=SUBJECT.replace("r-1", "r-2")), "is not the one that"),
        (OPEN, message(verdict(), headers={signing.SIGNATURE: "00"}), "can't be looked at"),
        (OPEN, message(verdict(), headers={signing.KEY: "ci", signing.SIGNATURE: "00"}), "is not the one that"),
        (SIGNED, message(verdict(issued_at_s=None), key="ci"), "doesn't say when it was issued"),
        (OPEN, message(b"{"), "JSON"),
        (OPEN, message(verdict(reason="")), "reason"),
        (OPEN, message(verdict(issued_at_s=999.0)), "1.0 s before the analysis began"),
        (OPEN, message(verdict(issued_at_s=None), time_s=999.9), "before the analysis began"),
        (OPEN, message(verdict(issued_at_s=1011.0 + 61)), "the sender's clock is wrong"),
        (OPEN, message(verdict(), time_s=1010.0 + 3601), "3601 s after it was issued"),
    ],
)
def test_one_that_is_refused_says_why(awaited: AwaitedVerdict, said: Message, reason: str) -> None:
    assert reason in refusal(awaited, said)


def test_one_on_another_step_is_no_concern_of_this_one() -> None:
    assert given.read(OPEN, message(verdict("fail", step=2)), STEP_1) is None
    assert isinstance(given.read(OPEN, message(verdict("fail", step=2)), BACKGROUND), Given)
    assert isinstance(given.read(OPEN, message(verdict("fail", step=None)), STEP_1), Given)


def tally(found: Iterable[Given | Refused]) -> Tally:
    result = Tally()
    for one in found:
        result = given.absorb(result, one)
    return result


def at(word: VerdictWord, at_s: float) -> Given:
    found = given.read(OPEN, message(verdict(word, issued_at_s=at_s)), STEP_1)
    assert isinstance(found, Given)
    return found


@pytest.mark.parametrize(
    ("found", "decided"),
    [
        ([], None),
        ([Refused("forged")], None),
        ([at("pass", 1001)], "pass"),
        ([at("inconclusive", 1001)], "inconclusive"),
        ([at("inconclusive", 1001), at("pass", 1002)], "pass"),
        ([at("pass", 1002), at("inconclusive", 1001)], "pass"),
        ([at("pass", 1001), at("inconclusive", 1002), at("pass", 1001)], "inconclusive"),
        ([at("fail", 1001), at("pass", 1002)], "fail"),
        ([at("pass", 1002), at("fail", 1001), Refused("forged")], "fail"),
    ],
)
def test_the_verdict_of_all_that_were_given(found: list[Given | Refused], decided: str | None) -> None:
    assert given.verdict_of(tally(found), overdue=False) == decided
    assert given.verdict_of(tally(found), overdue=True) == (decided or "inconclusive")


SAID = st.lists(
    st.one_of(
        st.builds(at, st.sampled_from(["pass", "fail", "inconclusive"]), st.integers(1001, 1004).map(float)),
        st.just(Refused("forged")),
    ),
    max_size=6,
)


@drawn(SAID)
def test_a_failing_one_is_final_and_repetitions_change_nothing(found: list[Given | Refused]) -> None:
    decided = given.verdict_of(tally(found), overdue=False)
    assert given.verdict_of(tally([*found, at("fail", 1001)]), overdue=False) == "fail"
    assert (decided == "fail") == any(isinstance(one, Given) and one.word == "fail" for one in found)
    assert given.verdict_of(tally([*found, Refused("forged")]), overdue=False) == decided
    times = [one.told.at_s for one in found if isinstance(one, Given)]
    if len(set(times)) == len(times):
        orders = itertools.islice(itertools.permutations(found), 24)
        assert {given.verdict_of(tally([*order, *order]), overdue=False) for order in orders} == {decided}


def test_the_evidence_says_who_said_what_and_why() -> None:
    found = given.evidence(SIGNED, SUBJECT, tally([at("fail", 1001)]), overdue=False)
    assert (found.verdict, found.reason, found.query) == ("fail", "somebody says fail: it was seen", SUBJECT)
    assert found.told is not None
    assert (found.measured, found.failed, found.inconclusive) == (1, 1, 0)


def test_silence_is_inconclusive_and_says_what_was_refused() -> None:
    limited = msgspec.structs.replace(SIGNED, within_s=30.0)
    silent = given.evidence(limited, SUBJECT, tally([]), overdue=True)
    assert (silent.verdict, silent.reason) == ("inconclusive", "nobody gave a verdict within 30 s")
    forged = given.evidence(limited, SUBJECT, tally([Refused("it is forged")] * 2), overdue=False)
    assert forged.reason == "no verdict was given that counts; 2 were refused: it is forged"
    assert forged.told is None
