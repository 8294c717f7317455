"""The rank test held against scipy's, over random samples of every size, and against what it promises beyond that."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from tidegate_metrics_analyzer import rank_test


@pytest.mark.parametrize("seed", range(2))
def test_it_finds_what_scipy_finds(seed: int) -> None:
    generator = random.Random(seed)
    for _ in range(1000):
        size = generator.randint(2, 60)
        first = [generator.gauss(generator.random(), 1) for _ in range(size)]
        second = [generator.gauss(0, 1) for _ in range(size)]
        method = "exact" if size <= rank_test.EXACT_SIZE_MAX else "asymptotic"
        theirs = mannwhitneyu(first, second, alternative="greater", method=method)
        won = rank_test.wins(first, second)
        assert won == theirs.statistic
        assert rank_test.p_value(won, size) == pytest.approx(theirs.pvalue, rel=1e-9, abs=1e-15)


def test_ties_count_half_as_scipys_do() -> None:
    generator = random.Random(5)
    for _ in range(500):
        size = generator.randint(2, 60)
        first, second = ([float(generator.randint(0, 4)) for _ in range(size)] for _ in range(2))
        assert rank_test.wins(first, second) == mannwhitneyu(first, second).statistic


def test_where_the_exact_distribution_ends_the_approximation_rather_spares_a_canary() -> None:
    size = rank_test.EXACT_SIZE_MAX + 1
    for won in range(size * size // 2, size * size):
        exact, approximate = rank_test._tails(size)[won], rank_test.p_value(won, size)
        assert approximate > exact * 0.98
        if exact > 0.005:
            assert approximate < exact * 1.12


samples = st.integers(1, 40).flatmap(
    lambda size: st.tuples(*[st.lists(st.integers(0, 9).map(float), min_size=size, max_size=size)] * 2)
)


@given(samples, st.data())
def test_a_larger_value_never_makes_the_first_sample_look_smaller(
    both: tuple[list[float], list[float]], data: st.DataObject
) -> None:
    first, second = both
    index = data.draw(st.integers(0, len(first) - 1))
    raised = [*first]
    raised[index] += data.draw(st.floats(0, 100))
    before, after = (rank_test.p_value(rank_test.wins(one, second), len(second)) for one in (first, raised))
    assert after <= before


def test_the_same_values_and_nothing_but_ties_prove_nothing() -> None:
    for values in ([0.0] * 30, [5.0] * 8, [1.0, 2.0, 3.0]):
        assert rank_test.p_value(rank_test.wins(values, values), len(values)) >= 0.5
