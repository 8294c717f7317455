"""What the auditor lets an order bring, where two plans measure a step in pods and in percent.

Taught by two violations that were none: somebody scales the workload from 10 to 20, another plan says 2 pods where
the first one said 20 %, and the first plan's order, which stands until the newer one arrives, brings 4.
"""

from random import Random
from typing import Any

import pytest
from saga_model.auditor import Auditor, Violation
from saga_model.engine import Engine
from saga_model.options import Options, draw
from saga_model.world import World

from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import PlanChanged, RolloutAccepted, StepStarted
from tidegate_contracts.facts import PodCounts, WorkloadPrepared
from tidegate_contracts.plan import plan
from tidegate_contracts.rollout import Change, RolloutRequested, Step
from tidegate_contracts.workload import WorkloadReference

FIRST, SECOND = 2, 4
"""The decisions that ordered the step, first by the one plan, then by the other."""


def request(replicas: int | str) -> RolloutRequested:
    return RolloutRequested(
        workload=WorkloadReference(name="web"),
        steps=(Step(replicas=replicas),),
        change=Change(images={"web": "web:v2"}),
    )


def decided(revision: int) -> dict[str, Any]:
    return {"rollout": "r-2", "revision": revision, "active": "r-2", "cause": f"message-{revision}", "at_s": 1000.0}


def changed(to: int | str, *, again: bool) -> PlanChanged:
    after = request(to)
    return PlanChanged(**decided(3), request=after, plan=plan(after), step=1, again=again, by="ann", reason="")


def history(first: int | str) -> list[AnyEvent]:
    """Up to the order for a step by the first plan."""
    counts = PodCounts(replicas=10, updated=0, updated_ready=0, stable=10, stable_ready=10)
    prepared = WorkloadPrepared(
        rollout="r-2", order_revision=1, at_s=1000.0, stable_revision="v1", template_digest="d", counts=counts
    )
    asked = request(first)
    accepted = RolloutAccepted(**decided(1), request=asked, plan=plan(asked), request_sequence=1)
    return [accepted, prepared, StepStarted(**decided(FIRST), step=1)]


def scaled_world(first: int | str, then: int | str) -> World:
    """The same step was ordered by one plan and once more by another one, and somebody has scaled the workload."""
    auditor = Auditor(scaled=True)
    for event in (*history(first), changed(then, again=True), StepStarted(**decided(SECOND), step=1)):
        auditor.take(event)
    options: Options = draw(Random(0), paces=Random(0))
    world = World(Engine(Random(0)), options, auditor)
    world.scale(20)
    return world


def test_an_older_order_brings_what_its_own_plan_approved() -> None:
    world = scaled_world("20%", 2)
    world.add_pods("v2", 4, FIRST)
    assert world.pods["v2"] == 4


def test_the_newer_order_brings_no_more_than_the_newer_plan_approved() -> None:
    world = scaled_world("20%", 2)
    with pytest.raises(Violation, match=r"I1 4 pods of v2, beyond the approved Target\(count=2"):
        world.add_pods("v2", 4, SECOND)


def test_a_percentage_after_a_count_is_of_the_pods_that_there_are_by_now() -> None:
    world = scaled_world(2, "20%")
    world.add_pods("v2", 4, SECOND)
    with pytest.raises(Violation, match="I1 5 pods"):
        world.add_pods("v2", 5, SECOND)


def test_an_older_order_brings_no_more_than_its_own_plan_approved_whatever_came_since() -> None:
    world = scaled_world(2, "20%")
    with pytest.raises(Violation, match="I1 4 pods"):
        world.add_pods("v2", 4, FIRST)


def test_a_plan_that_measures_otherwise_orders_its_step_anew() -> None:
    """As many pods by now are not the same target: the order that stands would follow the scale, or would not."""
    auditor = Auditor(scaled=True)
    for event in history("20%"):
        auditor.take(event)
    with pytest.raises(Violation, match="I5 goes on in a step that was never started"):
        auditor.take(changed(2, again=False))
