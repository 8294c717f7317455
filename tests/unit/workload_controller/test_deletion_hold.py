"""A DaemonSet's batch by deletion, against a model of a native controller that makes anew what is deleted."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_contracts.orders import ApplyBatch, Target
from tidegate_contracts.workload import WorkloadReference
from tidegate_workload_controller.batch import rounded_up
from tidegate_workload_controller.budgets import Amount
from tidegate_workload_controller.deletion_hold import DeletionHold, most_missing
from tidegate_workload_controller.marks import REVISION_HASH
from tidegate_workload_controller.saved import Saved
from tidegate_workload_controller.seen import (
    Condition,
    Pod,
    PodStatus,
    View,
    Workload,
    WorkloadSpec,
    WorkloadStatus,
)

HOLD = DeletionHold()
LONG_AGO = "2026-01-01T00:00:00Z"
ROUNDS_MAX = 500


class Nodes:
    """One pod a node: its revision, and whether it is ready; None while the controller has still to make it."""

    def __init__(self, count: int, *, broken: int = 0) -> None:
        self.pods: list[tuple[str, bool] | None] = [("old", number >= broken) for number in range(count)]

    def view(self) -> View:
        pods = tuple(_pod(number, *found) for number, found in enumerate(self.pods) if found is not None)
        status = WorkloadStatus(desired_number_scheduled=len(self.pods))
        return View(
            workload=Workload(spec=WorkloadSpec(update_strategy={"type": "OnDelete"}), status=status),
            revisions=(),
            pods=pods,
            template_digest="new",
            digests={},
            live=True,
            hold=HOLD,
            revision_label=REVISION_HASH,
        )

    @property
    def new(self) -> int:
        return sum(found is not None and found[0] == "new" for found in self.pods)

    @property
    def ready(self) -> int:
        return sum(found is not None and found[1] for found in self.pods)


def _pod(number: int, revision: str, ready: bool) -> Pod:
    condition = Condition("Ready", "True" if ready else "False", last_transition_time=LONG_AGO)
    metadata = ObjectMeta(name=f"agent-{number}", uid=f"{revision}-{number}", labels={REVISION_HASH: revision})
    return Pod(metadata=metadata, status=PodStatus(phase="Running", conditions=(condition,)))


def order(target: Target) -> ApplyBatch:
    return ApplyBatch(
        rollout="r1",
        revision=1,
        workload=WorkloadReference(name="agent", kind="DaemonSet"),
        change=None,
        target=target,
        template_digest="new",
        stable_revision="old",
    )


@given(
    st.integers(1, 40),
    st.integers(1, 100),
    st.one_of(st.integers(1, 10), st.sampled_from(["10%", "34%", "100%"])),
    st.integers(0, 3),
    st.data(),
)
def test_never_more_than_may_be_missing_never_past_the_batch_and_always_there_in_the_end(
    count: int, percent: int, unavailable: Amount, broken: int, data: st.DataObject
) -> None:
    nodes = Nodes(count, broken=min(broken, count))
    saved = Saved(update_strategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": unavailable}})
    target = Target(percent=percent)
    goal = rounded_up(target, count)
    serving = nodes.ready
    for _ in range(ROUNDS_MAX):
        scene = HOLD.look(order(target), nodes.view(), saved, new="new", now_s=1e10)
        for name, _ in scene.removals:
            nodes.pods[int(name.removeprefix("agent-"))] = None
        assert nodes.ready >= min(serving, count - most_missing(saved.update_strategy, count))
        coming = [number for number, found in enumerate(nodes.pods) if found is None]
        starting = [number for number, found in enumerate(nodes.pods) if found == ("new", False)]
        assert nodes.new + len(coming) <= goal
        if scene.ready:
            break
        if starting and (not coming or data.draw(st.booleans())):
            nodes.pods[starting[0]] = ("new", True)
        elif coming:
            nodes.pods[coming[0]] = ("new", False)
    assert nodes.new == goal


def test_what_serves_nobody_goes_first_and_free_of_charge() -> None:
    nodes = Nodes(5, broken=2)
    scene = HOLD.look(order(Target(count=3)), nodes.view(), Saved(), new="new", now_s=1e10)
    assert [name for name, _ in scene.removals] == ["agent-0", "agent-1"]


def test_without_a_limit_of_the_users_it_is_one_at_a_time() -> None:
    assert most_missing({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}, 10) == 1
    assert most_missing({}, 10) == 1
    assert most_missing({"rollingUpdate": {"maxUnavailable": "25%"}}, 10) == 3
