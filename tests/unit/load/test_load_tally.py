import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_sandbox.load.tally import LatencyHistogram, Record, Tally, VersionCount, lost_kind


def record(
    status: int = 200, version: str | None = "v1", failure: str | None = None, latency_s: float = 0.01
) -> Record:
    return Record(due_s=0.0, latency_s=latency_s, status=status, version=version, failure=failure)


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        pytest.param(record(), None, id="well"),
        pytest.param(record(status=500), None, id="the-versions-own-error"),
        pytest.param(record(status=503, version=None), "status-503", id="answered-by-the-proxy"),
        pytest.param(record(status=404, version=None), "status-404", id="no-route"),
        pytest.param(record(status=0, version=None, failure="reset"), "reset", id="reset"),
    ],
)
def test_lost_is_what_no_pod_answered(one: Record, kind: str | None) -> None:
    assert lost_kind(one) == kind


def test_totals_and_windows_count_the_same_requests() -> None:
    tally = Tally(began_at_s=100.0)
    tally.sent()
    tally.finished(record())
    first = tally.next_window(0.1, in_flight=0)
    tally.sent()
    tally.sent()
    tally.finished(record(status=500, version="v3"))
    tally.finished(record(status=503, version=None))
    second = tally.next_window(0.2, in_flight=4)
    assert first.versions == {"v1": VersionCount(ok=1)}
    assert (second.versions, second.lost) == ({"v3": VersionCount(errors=1)}, {"status-503": 1})
    assert (second.at_s, second.in_flight, len(second.examples)) == (100.1, 4, 1)
    summary = tally.summary(0.2, 10.0)
    assert (summary.sent, summary.finished) == (3, 3)
    assert (summary.ok_total, summary.errors_total, summary.lost_total) == (1, 1, 1)


@given(st.lists(st.floats(0.0001, 30.0), min_size=1, max_size=200))
def test_quantiles_are_right_within_two_percent(latencies_s: list[float]) -> None:
    histogram = LatencyHistogram()
    for latency_s in latencies_s:
        histogram.add(latency_s)
    exact_ms = sorted(latencies_s)[(len(latencies_s) + 1) // 2 - 1] * 1_000
    latency = histogram.latency()
    assert latency.p50_ms == pytest.approx(exact_ms, rel=0.021, abs=0.001)
    assert latency.max_ms == pytest.approx(max(latencies_s) * 1_000, abs=0.001)
