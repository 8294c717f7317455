"""A held workload's hold is kept when its author writes these fields, and what was written is given back in the end."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_workload_controller import marks, patches
from tidegate_workload_controller.budget_hold import BudgetHold
from tidegate_workload_controller.budgets import Budget
from tidegate_workload_controller.kept_hold import edited, kept
from tidegate_workload_controller.saved import Saved, encode, saved_on
from tidegate_workload_controller.seen import Workload, WorkloadSpec

HOLD = BudgetHold()
OWN = Saved(
    strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    progress_deadline_seconds=600,
)
FIELDS = {
    "strategy": "strategy",
    "minReadySeconds": "min_ready_seconds",
    "progressDeadlineSeconds": "progress_deadline_seconds",
    "paused": "paused",
}


def workload(fields: dict[str, Any], saved: Saved | None = OWN) -> Workload:
    annotations = {} if saved is None else {marks.SAVED_STRATEGY: encode(saved)}
    spec = {FIELDS[name]: value for name, value in fields.items() if value is not None}
    return Workload(metadata=ObjectMeta(name="web", annotations=annotations), spec=WorkloadSpec(**spec))


HELD = HOLD.fields(Budget("11%", 0), OWN)


def test_the_fields_stay_and_what_was_written_is_saved_beside_what_was() -> None:
    """A tool may name some of the fields only: those of the hold beside them are not its author's."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}}
    body = kept(HOLD, workload(HELD), workload({**HELD, "strategy": strategy, "minReadySeconds": 5}))
    assert body is not None
    assert body["spec"] == HELD
    after = Workload(metadata=ObjectMeta(name="web", annotations=body["metadata"]["annotations"]))
    saved = saved_on(after)
    assert saved is not None
    assert saved.strategy["rollingUpdate"] == {"maxSurge": 2, "maxUnavailable": "25%"}
    assert (saved.min_ready_seconds, saved.progress_deadline_seconds, saved.paused) == (5, 600, None)
    assert patches.changes(body, after)


def test_what_keeps_nothing_back_may_be_written() -> None:
    edit = {**HELD, "minReadySeconds": 5}
    assert kept(HOLD, workload(HELD), workload(HELD)) is None
    assert kept(HOLD, workload(HELD, None), workload(edit, None)) is None
    assert kept(HOLD, workload(HELD, Saved(nothing=True)), workload(edit)) is None
    assert kept(HOLD, workload(HOLD.moving(OWN)), workload({**HOLD.moving(OWN), "minReadySeconds": 5})) is None


def test_while_no_rollout_has_taken_a_change_up_it_stays_paused() -> None:
    closed = {**HOLD.own(OWN), **HOLD.closed(OWN)}
    body = kept(HOLD, workload(closed), workload({**closed, "paused": None, "minReadySeconds": 7}))
    assert body is not None
    assert (body["spec"]["paused"], body["spec"]["minReadySeconds"]) == (True, None)


VALUES = st.dictionaries(
    st.sampled_from("abc"), st.integers(0, 3) | st.dictionaries(st.sampled_from("xy"), st.integers(0, 3))
)


@given(VALUES, VALUES)
def test_what_is_written_over_the_authors_own_values_is_what_stands_then(
    own: dict[str, Any], now: dict[str, Any]
) -> None:
    """As if there were no hold: the same edit of the same values."""
    saved = Saved(strategy=own)
    assert _without_empty(edited(saved, saved, Saved(strategy=now)).strategy) == _without_empty(now)
    assert edited(saved, Saved(strategy=now), Saved(strategy=now)) == saved


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value != {}}
