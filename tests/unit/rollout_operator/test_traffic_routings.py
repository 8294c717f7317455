"""What a TrafficRouting asks for, which order is due for it, and what its status says."""

import re
from typing import Any

import msgspec
import pytest
import yaml
from support.definitions import complaints, schema
from support.kruise_rollouts import folded, rollout
from support.nats import REPOSITORY
from support.saga import PROBLEM, Saga, request, step

from tidegate_contracts.controls import Cancel, Resume
from tidegate_contracts.decisions import RolloutCompleted
from tidegate_contracts.facts import TrafficRefused, TrafficReleased, TrafficShifted
from tidegate_contracts.orders import MarkRequests, ReleaseTraffic, RouteOrder
from tidegate_contracts.rollout import HeaderChange, HttpMatch, RolloutRequested, TrafficReference
from tidegate_contracts.workload import WorkloadKey
from tidegate_rollout_operator.awaiting import named_by, reason_to_wait, resumed
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.projection import project as project_rollout
from tidegate_rollout_operator.routing_due import Standing, answered, due, project
from tidegate_rollout_operator.traffic_routing import HOLDERS, Marks, Routing, holder_of, holds, wanted
from tidegate_rollout_operator.translate import translate
from tidegate_rollout_operator.view import View

MARK = {"set": [{"name": "x-release", "value": "next"}], "remove": ["x-debug"]}
ONE_MARK = {"set": [{"name": "x-release", "value": "next"}]}
MSE = {"classType": "mse", "name": "side"}
GATEWAY = {"service": "web", "gateway": {"httpRouteName": "entry"}}
FACT: dict[str, Any] = {"rollout": "u-1", "order_revision": 7, "at_s": 1.0}
NOTHING = Standing()
REFUSED = TrafficRefused(**FACT, problem=PROBLEM)


def routing(
    *holders: str, leaving: bool = False, reference: dict[str, Any] | None = GATEWAY, **strategy: Any
) -> Routing:
    metadata: dict[str, Any] = {"name": "entry", "namespace": "shop", "uid": "u-1", "generation": 3}
    metadata["finalizers"] = ["rollouts.kruise.io/trafficrouting", *(f"{HOLDERS}{each}" for each in holders)]
    if leaving:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    spec = {
        "objectRef": [reference] if reference is not None else [],
        "strategy": strategy or {"weight": 20, "requestHeaderModifier": MARK},
    }
    assert complaints(spec, schema("trafficroutings", "spec", "v1alpha1")) == []
    return msgspec.convert({"metadata": metadata, "spec": spec}, Routing)


def ordered(made: Routing, standing: Standing = NOTHING, revision: int = 7) -> RouteOrder | None:
    return due(made, wanted(made), standing, revision)


def marking(made: Routing, revision: int = 7) -> MarkRequests:
    order = ordered(made, revision=revision)
    assert isinstance(order, MarkRequests)
    return order


def told(made: Routing, standing: Standing = NOTHING) -> tuple[str, str]:
    status = project(made, wanted(made), standing)
    assert complaints(status, schema("trafficroutings", "status", "v1alpha1")) == []
    assert status["observedGeneration"] == 3
    return status["phase"], status["message"]


def test_it_asks_for_marks_on_the_way_to_one_service() -> None:
    matches = [{"headers": [{"name": "user", "value": "tester"}]}]
    assert wanted(routing("web", weight=20, matches=matches, requestHeaderModifier=MARK)) == Marks(
        routes=(TrafficReference(route="entry", service="web", canary_service="web", grace_s=3.0),),
        headers=HeaderChange(set={"x-release": "next"}, remove=("x-debug",)),
        weight_percent=20,
        matches=(HttpMatch(headers={"user": "tester"}),),
    )


def test_each_form_of_a_reference_is_a_route_to_one_service() -> None:
    door = {"apiVersion": "doors.example.org/v1", "kind": "Door", "name": "front"}
    reference = {
        "service": "web",
        "gracePeriodSeconds": 5,
        "customNetworkRefs": [door],
        "ingress": {"classType": "mse", "name": "side"},
        "gateway": {"httpRouteName": "entry"},
    }
    both = {"service": "web", "canary_service": "web", "grace_s": 5.0}
    asked = wanted(routing("web", reference=reference, weight=20, requestHeaderModifier=ONE_MARK))
    assert isinstance(asked, Marks), asked
    assert asked.routes == (
        TrafficReference(route="front", router="script", kind="Door", api_version="doors.example.org/v1", **both),
        TrafficReference(route="side", router="ingress-mse", **both),
        TrafficReference(route="entry", router="gateway-http-route", **both),
    )


@pytest.mark.parametrize(
    "reference",
    [
        {"ingress": {"classType": "own", "name": "side"}},
        {"customNetworkRefs": [{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": "web"}]},
    ],
)
def test_what_has_words_of_its_own_for_one_service_needs_no_change_of_headers(reference: dict[str, Any]) -> None:
    assert isinstance(wanted(routing("web", reference={"service": "web"} | reference, weight=20)), Marks)


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (routing(weight=20), "spec.strategy.requestHeaderModifier"),
        (routing(requestHeaderModifier=MARK), "spec.strategy"),
        (routing(weight=101, requestHeaderModifier=MARK), "spec.strategy.weight"),
        (routing(reference=None), "spec.objectRef"),
        (routing(reference={"service": "web"}), "spec.objectRef[0].gateway"),
        (routing(reference=GATEWAY | {"ingress": {"name": "entry"}}), "spec.objectRef[0].ingress.classType"),
        (routing(reference={"service": "web", "ingress": MSE}), "spec.strategy.requestHeaderModifier.remove"),
        (
            routing(
                reference={"service": "web", "ingress": MSE},
                matches=[{"path": {"value": "/beta"}}],
            ),
            "spec.strategy.matches[0].path",
        ),
        (
            routing(reference=GATEWAY | {"gateway": {"httpRouteName": "Entry"}}),
            "spec.objectRef[0].gateway.httpRouteName",
        ),
        (
            routing(
                reference={"service": "web", "customNetworkRefs": [{"apiVersion": "v1", "kind": "door", "name": "a"}]}
            ),
            "spec.objectRef[0].customNetworkRefs[0].kind",
        ),
        (routing(reference=GATEWAY | {"service": "Web"}), "spec.objectRef[0].service"),
        (
            routing(
                requestHeaderModifier=MARK,
                matches=[{"headers": [{"name": "user", "value": "a"}, {"name": "user", "value": "b"}]}],
            ),
            "spec.strategy.matches[0].headers[1].name",
        ),
    ],
)
def test_what_can_not_be_carried_is_told_with_its_field(made: Routing, field: str) -> None:
    problems = wanted(made)
    assert isinstance(problems, tuple)
    assert [problem.field for problem in problems if problem.rule and problem.remedy] == [field]
    assert ordered(made) is None
    phase, message = told(made)
    assert (phase, field in message) == ("Initial", True)


def test_requests_are_marked_as_long_as_a_release_holds_it() -> None:
    assert ordered(routing()) is None
    order = marking(routing("web"))
    assert (order.rollout, order.revision, order.weight_percent) == ("u-1", 7, 20)
    reference = order.workload
    assert WorkloadKey.of("c", "shop", reference).kind == "trafficrouting.rollouts.kruise.io"
    assert ordered(routing("web", "shop"), Standing(order), 8) is None, "another release changes nothing"
    released = ordered(routing(), Standing(order), 8)
    assert isinstance(released, ReleaseTraffic)
    assert (released.revision, released.traffic) == (8, order.traffic)
    assert ordered(routing(), Standing(released), 9) is None, "it is on its way"
    assert marking(routing("web"), 10).traffic == order.traffic


def test_an_edit_is_a_new_order_and_another_route_is_given_back_first() -> None:
    first = Standing(marking(routing("web")), "accepted")
    edited = ordered(routing("web", weight=40, requestHeaderModifier=MARK), first, 8)
    assert isinstance(edited, MarkRequests)
    assert (edited.weight_percent, edited.revision) == (40, 8)
    other = GATEWAY | {"gateway": {"httpRouteName": "door"}}
    moved = routing("web", reference=other)
    back = ordered(moved, first, 8)
    assert isinstance(back, ReleaseTraffic)
    assert [each.route for each in back.traffic] == ["entry"]
    assert ordered(moved, Standing(back), 9) is None
    forth = ordered(moved, Standing(back, "released"), 9)
    assert isinstance(forth, MarkRequests)
    assert [each.route for each in forth.traffic] == ["door"]
    assert isinstance(ordered(routing("web"), Standing(back), 9), MarkRequests), "the same route is simply taken again"


@pytest.mark.parametrize("made", [routing("web", leaving=True), routing("web", weight=20)])
def test_one_that_leaves_or_can_not_be_carried_any_more_is_given_back(made: Routing) -> None:
    order = ordered(made, Standing(marking(routing("web"))), 8)
    assert isinstance(order, ReleaseTraffic)


def test_its_phases_are_kruises() -> None:
    order = marking(routing("web"))
    back = ordered(routing(), Standing(order), 8)
    assert back is not None
    assert told(routing()) == ("Healthy", "no release holds it")
    assert told(routing("web", "api"), Standing(order)) == (
        "Progressing",
        "requests are about to be marked for api, web",
    )
    assert told(routing("web"), Standing(order, "accepted")) == ("Progressing", "requests are marked for web")
    assert told(routing("web"), Standing(order, "refused", "no route")) == ("Progressing", "no route")
    assert told(routing(), Standing(back)) == ("Finalizing", "the route is given back")
    assert told(routing(), Standing(back, "released")) == ("Healthy", "no release holds it")
    assert told(routing(leaving=True), Standing(back))[0] == "Terminating"


def test_only_an_answer_to_the_order_that_stands_counts() -> None:
    order = marking(routing("web"))
    shifted = TrafficShifted(**FACT, weight_percent=20, accepted_at_s=1.0)
    assert answered(order, shifted) == Standing(order, "accepted")
    assert answered(order, REFUSED) == Standing(order, "refused", str(PROBLEM))
    assert answered(order, TrafficReleased(**FACT)) == Standing(order, "released")
    assert answered(order, TrafficReleased(**(FACT | {"order_revision": 6}))) == Standing(order)


def test_a_release_holds_it_from_its_begin_to_its_ends_begin() -> None:
    assert not holds(View())
    saga = Saga()
    saga.ask(request(step("20%"), step("60%"), rollout="g-1"))
    assert holds(folded(saga.history))
    assert holds(folded(saga.to_step(2).history))
    assert not holds(folded(saga.to_step(3).history)), "the steps are done"
    saga = Saga()
    saga.ask(request(step("20%"), step("100%"), rollout="g-1"))
    saga.to_step(1)
    saga.tell(Cancel(by="ann", reason="enough"))
    assert not holds(folded(saga.history))
    ended = Saga()
    ended.ask(request(step("20%"), step("100%"), rollout="g-1"))
    ended.to_end()
    assert isinstance(ended.history[-1], RolloutCompleted)
    assert not holds(folded(ended.history))


def test_a_holder_is_known_by_as_much_of_its_name_as_a_finalizer_has() -> None:
    assert holder_of(rollout(name="a" * 80)) == "a" * 63
    assert routing("web", "a" * 63).holders == ("web", "a" * 63)


def test_an_orchestrator_has_nothing_to_say_to_its_answers() -> None:
    saga = Saga()
    assert saga.report(REFUSED) == []
    assert saga.orders == Saga().orders


def test_the_pages_example_is_carried() -> None:
    page = (REPOSITORY / "docs" / "kruise.md").read_text()
    blocks = [block for block in re.findall(r"(?ms)^```yaml\n(.*?)^```", page) if "kind: TrafficRouting" in block]
    (door, canary) = yaml.safe_load_all(blocks[0])
    assert complaints(door["spec"], schema("trafficroutings", "spec", "v1alpha1")) == []
    assert isinstance(wanted(msgspec.convert(door, Routing)), Marks)
    read = msgspec.convert(canary, Rollout)
    assert complaints(canary["spec"], schema("rollouts", "spec")) == []
    assert isinstance(translate(read), RolloutRequested)
    assert named_by(read) == door["metadata"]["name"]


def awaiting(**metadata: Any) -> tuple[Saga, Rollout]:
    """A release of a Rollout that names the TrafficRouting `entry`, as it waits for it."""
    made = rollout(metadata={"annotations": {"rollouts.kruise.io/trafficrouting": "entry"}} | metadata)
    asked = translate(made)
    assert isinstance(asked, RolloutRequested)
    saga = Saga()
    saga.ask(asked)
    assert saga.prepared() == ["RolloutPaused"]
    return saga, made


def test_a_release_waits_for_the_routing_that_it_is_to_hold_and_goes_on_when_it_does() -> None:
    saga, made = awaiting()
    view = folded(saga.history)
    assert view.awaits_routing
    assert holds(view)
    status = project_rollout(made, view, translate(made), 0.0)
    assert status["message"] == "Rollout is in Progressing: it waits for TrafficRouting entry"
    assert status["currentStepState"] == "BeforeStepUpgrade"
    assert [each["reason"] for each in status["conditions"] if each["type"] == "Progressing"] == ["Initializing"]
    assert resumed(made, view, held=False) == []
    (command,) = resumed(made, view, held=True)
    assert (command.rollout, command.control) == (saga.rollout.id, Resume(by=made.author, reason=HELD_NOW))
    assert resumed(made, view, held=True) == [command]
    saga.tell(command.control)
    assert saga.prepared() == ["StepStarted"]
    assert resumed(made, folded(saga.history), held=True) == []


HELD_NOW = "TrafficRouting entry is held"


def test_no_other_pause_ends_with_it() -> None:
    saga = Saga()
    saga.ask(request(step("20%"), step("100%"), paused_because="this version failed already, in rollout g-1"))
    saga.prepared()
    view = folded(saga.history)
    assert view.hold is not None
    assert resumed(awaiting()[1], view, held=True) == []
    saga, made = awaiting(deletionTimestamp="2026-01-01T00:00:00Z")
    assert resumed(made, folded(saga.history), held=True) == []
    assert reason_to_wait(rollout()) == ""
