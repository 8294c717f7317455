"""Which events are told on a Rollout, in whose words, and that all copies tell them under one name."""

from typing import Any

import pytest
from support.clock import ManualClock
from support.kruise_rollouts import rollout

from tidegate_chassis.errors import Conflict, Transient
from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import RollbackStarted, RolloutPaused, StepStarted, TrafficShiftStarted
from tidegate_contracts.facts import BatchReady, BatchStalled, PodCounts
from tidegate_rollout_operator.announcing import RECENT_S, Announcer, announcement
from tidegate_rollout_operator.histories import Happening
from tidegate_rollout_operator.view import View, evolve

COUNTS = PodCounts(replicas=4, updated=2, updated_ready=2, stable=2, stable_ready=2)
NOW_S = 1_000_000.0
READY = BatchReady(
    rollout="g-1",
    order_revision=3,
    at_s=NOW_S,
    step=1,
    settled=True,
    canary_revision="abc",
    target_pods=2,
    counts=COUNTS,
)


def back(reason: str = "the template was changed back") -> RollbackStarted:
    return RollbackStarted(rollout="g-1", revision=9, at_s=NOW_S, active="g-1", cause="c", reason=reason, by="x")


def started(revision: int) -> StepStarted:
    return StepStarted(rollout="g-1", revision=revision, at_s=NOW_S, active="g-1", cause="c", step=1)


def stalled() -> BatchStalled:
    return BatchStalled(rollout="g-1", order_revision=3, at_s=NOW_S, step=1, reason="no image")


def shifting(revision: int) -> TrafficShiftStarted:
    return TrafficShiftStarted(
        rollout="g-1", revision=revision, at_s=NOW_S, active="g-1", cause="c", step=1, weight_percent=5
    )


def paused(revision: int) -> RolloutPaused:
    return RolloutPaused(rollout="g-1", revision=revision, at_s=NOW_S, active="g-1", cause="c", by="ann", reason="wait")


def happened(event: AnyEvent) -> Happening:
    return Happening(event, View(rollout="g-1"))


def history(*events: AnyEvent) -> list[Happening]:
    found, view = [], View(rollout="g-1")
    for sequence, event in enumerate(events, start=1):
        view = evolve(view, sequence, event)
        found.append(Happening(event, view))
    return found


@pytest.mark.parametrize(
    ("event", "kind", "message"),
    [
        (READY, "Normal", "upgrade step(1) canary pods with new versions done"),
        (back(), "Normal", "workload has been rollback, then rollout is canceled: the template was changed back"),
        (
            BatchStalled(rollout="g-1", order_revision=3, at_s=NOW_S, step=2, reason="no image"),
            "Warning",
            "step(2) makes no progress: no image",
        ),
    ],
)
def test_what_happens_is_told_in_kruises_words_where_it_has_some(event: AnyEvent, kind: str, message: str) -> None:
    found = announcement(happened(event))
    assert found is not None
    assert (found.type, found.message, found.rollout) == (kind, message, "g-1")


def test_most_of_a_history_is_not_told() -> None:
    assert announcement(happened(started(2))) is None


def test_no_event_is_longer_than_kubernetes_takes() -> None:
    found = announcement(happened(back("x" * 5000)))
    assert found is not None
    assert len(found.message) == 1024


class Written:
    """The API server's events: each name once."""

    def __init__(self) -> None:
        self.bodies: dict[str, dict[str, Any]] = {}
        self.away = False

    async def create(self, _resource: Any, _namespace: str, body: dict[str, Any], *, name: str) -> bytes:
        if self.away:
            raise Transient("nobody is there")
        if name in self.bodies:
            raise Conflict("exists")
        self.bodies[name] = body
        return b""


def announcer(written: Written, now_s: float = NOW_S) -> Announcer:
    return Announcer(written, "tidegate", ManualClock(now_s))  # type: ignore[arg-type]


async def test_copies_tell_it_once() -> None:
    written = Written()
    for copy in (announcer(written), announcer(written)):
        await copy.announce(rollout(), [happened(READY), happened(back())])
    assert len(written.bodies) == 2
    body = next(iter(written.bodies.values()))
    assert body["involvedObject"] == {
        "apiVersion": "rollouts.kruise.io/v1beta1",
        "kind": "Rollout",
        "name": "web",
        "namespace": "shop",
        "uid": "u-1",
    }


@pytest.mark.parametrize(
    ("events", "count"),
    [
        ([started(2), READY, started(5), READY], 2),
        ([started(2), READY, READY], 1),
        ([started(2), READY, shifting(3), READY], 1),
        ([started(2), stalled(), stalled()], 1),
        ([started(2), stalled(), paused(3), stalled()], 3),
        ([paused(3), paused(5)], 2),
    ],
    ids=[
        "a step begun anew",
        "an order taken over",
        "before and after traffic",
        "stalled, and taken over",
        "stalled again",
        "paused twice",
    ],
)
async def test_each_occurrence_is_told_once_however_often_it_is_said(events: list[AnyEvent], count: int) -> None:
    written = Written()
    for copy in (announcer(written), announcer(written)):
        await copy.announce(rollout(), history(*events))
    assert len(written.bodies) == count


async def test_what_happened_long_ago_is_not_told_again_by_a_copy_that_starts() -> None:
    written = Written()
    await announcer(written, NOW_S + RECENT_S + 1).announce(rollout(), [happened(READY)])
    assert not written.bodies


async def test_an_event_that_cannot_be_written_stops_nobody() -> None:
    written = Written()
    written.away = True
    await announcer(written).announce(rollout(), [happened(READY), happened(back())])
    assert not written.bodies
