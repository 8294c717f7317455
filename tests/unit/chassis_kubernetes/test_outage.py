import pytest

from tidegate_chassis.kubernetes.outage import BACKOFF_FIRST_MAX_S, BACKOFF_MAX_S, Outage


def outage(*attempts: tuple[float, float | None]) -> Outage:
    """Attempts, each with when it failed; None: it goes on."""
    made = Outage()
    for attempted_at_s, failed_at_s in attempts:
        made.attempted(attempted_at_s)
        if failed_at_s is not None:
            made.failed(failed_at_s)
    return made


def test_without_an_outage_nobody_is_waited_for() -> None:
    assert outage((0.0, None), (300.0, None)).others_back_at_s(301.0) == 0.0


def test_after_an_outage_others_may_stay_away_twice_as_long_again() -> None:
    back = outage((0.0, 100.0), (100.2, 100.2), (102.0, None))
    assert back.others_back_at_s(102.1) == pytest.approx(102.0 + 2 * 2.0 + BACKOFF_FIRST_MAX_S)


def test_an_attempt_that_lasted_ends_an_outage() -> None:
    back = outage((0.0, 100.0), (102.0, 500.0), (501.0, None))
    assert back.others_back_at_s(501.1) == pytest.approx(501.0 + 2 * 1.0 + BACKOFF_FIRST_MAX_S)


def test_while_it_lasts_the_end_moves_away() -> None:
    away = outage((0.0, 100.0))
    assert away.others_back_at_s(101.0) == pytest.approx(101.0 + 2 * 1.0 + BACKOFF_FIRST_MAX_S)
    assert away.others_back_at_s(104.0) == pytest.approx(104.0 + 2 * 4.0 + BACKOFF_FIRST_MAX_S)


def test_nobody_stays_away_longer_than_the_longest_back_off() -> None:
    assert outage((0.0, 100.0), (400.0, None)).others_back_at_s(400.0) == 400.0 + BACKOFF_MAX_S
