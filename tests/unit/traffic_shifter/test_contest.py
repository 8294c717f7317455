"""Somebody else writes the same: who it is, how often it is put back, and what is never given up."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from support.clock import ManualClock

from tidegate_chassis.errors import Permanent
from tidegate_contracts.orders import ReleaseTraffic, RouteOrder, ShiftTraffic
from tidegate_contracts.workload import WorkloadReference
from tidegate_traffic_shifter.contest import REPAIRS_MAX, REPAIRS_WINDOW_S, Contest
from tidegate_traffic_shifter.editors import NOBODY, editor
from tidegate_traffic_shifter.marks import FIELD_MANAGER
from tidegate_traffic_shifter.outcome import Repair

Edited = Callable[[Repair | None], None]
RULES = Repair("the rules of HTTPRoute web", "argocd")


def entry(manager: str, at: int, fields: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"manager": manager, "time": f"2026-01-01T00:00:0{at}Z", "fieldsV1": fields} | more


def answer(*entries: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"metadata": {"managedFields": entries}})


ROUTE = answer(
    entry("argocd", 1, {"f:spec": {"f:rules": {}}}),
    entry(FIELD_MANAGER, 2, {"f:spec": {"f:rules": {}}, "f:metadata": {"f:annotations": {"f:tidegate.io/share": {}}}}),
    entry("labeller", 3, {"f:metadata": {"f:labels": {".": {}, "f:team": {}}}}),
    entry("contour", 4, {"f:status": {}}, subresource="status"),
)


@pytest.mark.parametrize(
    ("fields", "by"),
    [
        ({"spec": {"rules": [{"backendRefs": []}]}}, "argocd"),
        ({"spec": {"rules": None}}, "argocd"),
        ({"metadata": {"labels": {"team": "b"}}}, "labeller"),
        ({"metadata": {"labels": {"other": "b"}}}, NOBODY),
        ({"metadata": {"annotations": {"tidegate.io/share": None}}}, NOBODY),
        ({"spec": {"hostnames": []}}, NOBODY),
        ({}, NOBODY),
    ],
)
def test_the_editor_is_who_owns_the_very_field_and_not_who_wrote_last(fields: dict[str, Any], by: str) -> None:
    assert editor(ROUTE, fields) == by


def test_of_several_owners_the_newest_is_meant() -> None:
    fields = {"f:metadata": {"f:annotations": {"f:a": {}}}}
    both = answer(entry("one", 2, fields), entry("two", 3, fields), entry("three", 1, fields))
    assert editor(both, {"metadata": {"annotations": {"a": "b"}}}) == "two"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def edited(clock: ManualClock) -> Edited:
    return Contest(order(30), clock).repairing


def order(weight_percent: int) -> ShiftTraffic:
    return ShiftTraffic(
        rollout="r1",
        revision=1,
        workload=WorkloadReference(name="web"),
        traffic=(),
        stable_revision="old",
        canary_revision="new",
        weight_percent=weight_percent,
    )


def test_what_somebody_keeps_writing_is_left_to_people_who_are_told_his_name(
    edited: Edited,
) -> None:
    for _ in range(REPAIRS_MAX):
        edited(RULES)
    with pytest.raises(Permanent) as refused:
        edited(RULES)
    assert refused.value.value == "the rules of HTTPRoute web"
    assert "argocd" in refused.value.rule
    edited(Repair("the selector of Service web", "argocd"))
    edited(None)


def test_it_is_tried_again_when_the_window_is_over(clock: ManualClock, edited: Edited) -> None:
    for _ in range(REPAIRS_MAX):
        edited(RULES)
        clock.advance(1.0)
    clock.advance(REPAIRS_WINDOW_S - REPAIRS_MAX - 0.1)
    with pytest.raises(Permanent):
        edited(RULES)
    clock.advance(0.1)
    edited(RULES)
    with pytest.raises(Permanent):
        edited(RULES)


@pytest.mark.parametrize(
    "given", [order(0), ReleaseTraffic(rollout="r1", revision=1, workload=WorkloadReference(name="web"), traffic=())]
)
def test_what_takes_requests_away_is_written_however_often_it_takes(given: RouteOrder, clock: ManualClock) -> None:
    contest = Contest(given, clock)
    for _ in range(3 * REPAIRS_MAX):
        contest.repairing(RULES)
