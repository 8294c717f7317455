"""A few of the fuzzer's cases in every run; `make fuzz` plays a hundred thousand."""

from collections import Counter

from fuzz.providers import Player

CASES = 2_200


def test_spoiled_answers_are_doubted_or_hold_the_value_that_is_read() -> None:
    player = Player()
    outcomes = Counter(player.play(seed) for seed in range(CASES))
    assert {name for name, outcome in outcomes if outcome == "doubted"} == set(player.names)
    assert outcomes.total() == CASES
