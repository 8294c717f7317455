"""What a released version kept of an analysis is gone on with after the update: failures and schedule included."""

from typing import Any

import msgspec

from tidegate_metrics_analyzer import kept
from tidegate_metrics_analyzer.judge import Progress

RELEASED: dict[str, Any] = {
    "type": "analysis-kept.v1",
    "rollout": "r",
    "order_revision": 3,
    "at_s": 1060.0,
    "wall_ahead_s": 1000.0,
    "started_at_s": 1000.0,
    "step": {
        "measures": "d",
        "since_s": 1000.0,
        "checks": {"errors": {"query": "q", "progress": {"failures_in_a_row": 1, "measured": 5}, "due_s": 1050.0}},
        "templates": None,
    },
    "background": None,
    "reported": None,
}
"""Field by field as that version wrote it; of the progress only what is not its default."""


def test_what_a_release_kept_can_be_read() -> None:
    found = kept.decode(msgspec.msgpack.encode(RELEASED), 1000.0)
    assert found is not None
    assert found.step is not None
    check = found.step.checks["errors"]
    assert (check.asked_s, check.progress) == (1050.0, Progress(failures_in_a_row=1, measured=5))
    assert kept.decode(kept.encode(found), 1000.0) == found
