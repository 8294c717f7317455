"""Which moments of a schedule were measured, and how late, from what the analyzer tells of itself."""

import pytest

from tidegate_bench import analysis, lateness
from tidegate_bench.lateness import Lateness
from tidegate_contracts.facts import Measurement
from tidegate_contracts.telemetry import MetricsMeasured

BEGAN_S = 1_000.0
PAGE = """# HELP tidegate_tick_late_seconds How long
tidegate_tick_late_seconds_bucket{le="0.1"} 90.0
tidegate_tick_late_seconds_bucket{le="1.0"} 97.0
tidegate_tick_late_seconds_bucket{le="+Inf"} 100.0
tidegate_tick_late_seconds_count 100.0
tidegate_orders_held 1060.0
"""


def told(*moments_s: float, others: int | None = None) -> dict[str, MetricsMeasured]:
    def found(name: str, values: tuple[float, ...], measured: int) -> Measurement:
        return Measurement(
            check=name, query="", verdict="inconclusive", reason="", values=values, measured=measured, failed=0
        )

    values = tuple(BEGAN_S + moment_s for moment_s in moments_s)
    measured = len(values) if others is None else others
    both = (found("check-0", values, len(values)), found("check-1", (), measured))
    return {"r": MetricsMeasured(rollout="r", at_s=2_000.0, step=1, measurements=both)}


@pytest.mark.parametrize(
    ("last", "lost", "twice"),
    [
        (told(1.0, 11.0, 21.2), 0, 0),
        (told(1.0, 17.9, 21.0, 30.4), 0, 0),
        (told(1.0, 21.0, 31.0), 1, 0),
        (told(11.0, 21.0), 1, 0),
        (told(1.0, 11.0, 14.0, 21.0), 0, 1),
        (told(1.0, 11.0, 21.0, others=2), 0, 0),
        (told(1.0, 11.0, 21.0, others=1), 1, 0),
        (told(1.0, 11.0, 21.0, others=5), 0, 1),
    ],
)
def test_each_moment_counts_once(last: dict[str, MetricsMeasured], lost: int, twice: int) -> None:
    found = analysis.tally(last, {"r": BEGAN_S})
    assert (found.lost, found.twice) == (lost, twice)


def test_lateness_is_read_from_the_services_own_page() -> None:
    assert lateness.lateness_of(PAGE) == Lateness(ticks=100, within_1_s=97, within_100_ms=90)
    assert lateness.value(PAGE, "tidegate_orders_held") == 1060
    assert lateness.value("", "tidegate_orders_held") == 0


def test_costs_are_those_of_the_window() -> None:
    before = Lateness(ticks=100, within_1_s=90, within_100_ms=80)
    after = Lateness(ticks=30_100, within_1_s=30_085, within_100_ms=29_080)
    found = analysis.costs(before, after, core_percent=50.0, resident_mb=100.0)
    assert (found["ticks"], found["ticks_late_over_1_s"], found["ticks_late_over_100_ms"]) == (30_000, 5, 1_000)
    assert found["measurements_per_s"] == pytest.approx(500)
    assert found["processor_ms_per_measurement"] == pytest.approx(1.0)


def test_no_two_checks_are_the_same() -> None:
    assert len({check.query for check in analysis.checks()}) == analysis.CHECKS
    assert all("{{workload}}" in check.query for check in analysis.checks())
