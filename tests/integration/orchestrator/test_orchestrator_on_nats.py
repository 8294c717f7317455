"""The orchestrator as a process, from a published request to the terminal event, and what it answers to nonsense."""

import re

import msgspec
import pytest
from support.nats import NatsServer
from support.orchestrators import NAMESPACE, Orchestrators, Outsider, key
from support.saga import ANALYSIS, ROUTE, request, step

from tidegate_contracts import subjects
from tidegate_contracts.controls import Approve, Pause, Resume, RollBack
from tidegate_contracts.decisions import (
    ControlRefused,
    PauseStarted,
    RolloutCompleted,
    RolloutPaused,
    RolloutRejected,
    RolloutResumed,
    RolloutRolledBack,
)
from tidegate_contracts.rollout import Pause as StepPause

pytestmark = [pytest.mark.nats, pytest.mark.usefixtures("services")]

REQUESTS = subjects.requests("default", NAMESPACE)


async def test_one_published_event_leads_to_a_completed_rollout(copies: Orchestrators, saga: Outsider) -> None:
    await copies.start()
    steps = (step("20%", 20, analysis=ANALYSIS), step("100%"))
    await saga.ask(request(*steps, traffic=(ROUTE,), rollout="web-2"))
    await saga.until_ended(1)
    assert await saga.kinds() == [
        "RolloutAccepted",
        "TrafficPinStarted",
        "StepStarted",
        "TrafficShiftStarted",
        "StepJudgingStarted",
        "StepCompleted",
        "StepStarted",
        "TrafficShiftStarted",
        "StepJudgingStarted",
        "StepCompleted",
        "PromotionStarted",
        "TrafficReleaseStarted",
        "PodsReleaseStarted",
        "RolloutCompleted",
    ]
    orders = await saga.orders()
    assert {service: order["type"] for service, order in orders.items()} == {
        "workload-controller": "order.release-workload.v1",
        "traffic-shifter": "order.release-traffic.v1",
        "metrics-analyzer": "order.release-analysis.v1",
    }


async def test_a_timed_pause_ends_by_a_timer(copies: Orchestrators, saga: Outsider) -> None:
    await copies.start()
    await saga.ask(request(step("50%", pause=StepPause(duration_s=1.0)), step("100%")))
    await saga.until_ended(1, within_s=10.0)
    events = await saga.decisions()
    paused = next(event for event in events if isinstance(event, PauseStarted))
    after = events[events.index(paused) + 1]
    assert paused.until_s is not None
    assert 0.0 <= after.at_s - paused.until_s < 2.0


async def test_people_pause_resume_approve_and_turn_back(copies: Orchestrators, saga: Outsider) -> None:
    await copies.start()
    await saga.ask(request(step("50%", pause=StepPause()), step("100%"), rollout="web-2"))
    await saga.until_said(PauseStarted)
    await saga.tell("web-2", Pause(by="ann"))
    await saga.until_said(RolloutPaused)
    await saga.tell("web-2", Approve(by="bob"))
    await saga.until_said(ControlRefused)
    await saga.tell("web-2", Resume(by="ann"))
    await saga.until_said(RolloutResumed)
    await saga.tell("web-2", RollBack(by="ann"))
    await saga.until_said(RolloutRolledBack)


async def test_a_control_for_a_rollout_that_has_ended_is_refused_in_its_history(
    copies: Orchestrators, saga: Outsider
) -> None:
    await copies.start()
    await saga.ask(request(rollout="web-2"))
    await saga.until_ended(1)
    await saga.ask(request(step("50%", pause=StepPause()), step("100%"), rollout="web-3"))
    await saga.until_said(PauseStarted)
    await saga.tell("web-2", RollBack())
    await saga.until_said(ControlRefused)
    refused = next(event for event in await saga.decisions() if isinstance(event, ControlRefused))
    assert (refused.rollout, refused.active) == ("web-2", "web-3")
    await saga.tell("web-3", Approve())
    await saga.until_said(RolloutCompleted, 2)


async def test_a_request_that_breaks_rules_is_rejected_with_field_value_rule_and_remedy(
    copies: Orchestrators, saga: Outsider
) -> None:
    await copies.start()
    await saga.ask(request(step("120%"), rollout="web-2"))
    await saga.until_said(RolloutRejected)
    rejected = next(event for event in await saga.decisions() if isinstance(event, RolloutRejected))
    assert rejected.rollout == "web-2"
    problem = rejected.problems[0]
    assert problem.field == "steps[0].replicas"
    assert problem.value == "120%"
    assert problem.rule
    assert problem.remedy


async def test_a_misspelt_field_is_rejected_in_the_history_of_the_workload_that_was_named(
    copies: Orchestrators, saga: Outsider
) -> None:
    await copies.start()
    wrong = msgspec.json.decode(msgspec.json.encode(request()))
    wrong["paused"] = True
    await saga.publish(REQUESTS, msgspec.json.encode(wrong))
    await saga.until_said(RolloutRejected)
    rejected = next(event for event in await saga.decisions() if isinstance(event, RolloutRejected))
    assert "paused" in str(rejected.problems[0])


@pytest.mark.parametrize(
    ("subject", "payload"),
    [
        (REQUESTS, b"not JSON"),
        (REQUESTS, b'{"type": "rollout.requested.v9"}'),
        (REQUESTS, b'{"type":"rollout.requested.v1","workload":{"name":"a.b*>"},"steps":[{"replicas":1}]}'),
        (subjects.controls("default", NAMESPACE, "nobody"), b'{"type": "control.pause.v1"}'),
        (subjects.controls("default", NAMESPACE, "nobody"), b'{"type": "control.unheard-of.v1"}'),
    ],
)
async def test_what_belongs_to_no_history_becomes_a_dead_letter_with_the_reason(
    copies: Orchestrators, saga: Outsider, subject: str, payload: bytes
) -> None:
    copy = await copies.start()
    await saga.publish(subject, payload)
    await saga.until_dead(1)
    letter = (await saga.dead_letters())[0]
    assert letter["subject"] == subject
    assert letter["reason"]
    assert copy.process.returncode is None
    await saga.ask(request())
    await saga.until_ended(1)


async def test_one_request_published_twice_is_one_rollout(copies: Orchestrators, saga: Outsider) -> None:
    await copies.start()
    wanted = msgspec.json.encode(request(rollout="web-2"))
    await saga.publish(REQUESTS, wanted, **{"ce-id": "mine"})
    await saga.until_ended(1)
    # Past the server's own window of duplicates the same message is stored once more.
    await saga.publish(REQUESTS, wanted, **{"ce-id": "mine"})
    await saga.ask(request(rollout="web-3"))
    await saga.until_ended(2)
    assert set(await saga.ends()) == {"web-2", "web-3"}


async def test_an_id_is_taken_for_the_whole_namespace(copies: Orchestrators, saga: Outsider) -> None:
    await copies.start()
    await saga.ask(request(rollout="same"))
    await saga.until_ended(1)
    other = msgspec.json.decode(msgspec.json.encode(request(rollout="same")))
    other["workload"]["name"] = "api"
    await saga.publish(REQUESTS, msgspec.json.encode(other))
    await saga.until_said(RolloutRejected)
    rejected = next(event for event in await saga.decisions("api") if isinstance(event, RolloutRejected))
    assert rejected.problems[0].field == "rollout"
    assert rejected.rollout != "same"


async def test_its_metrics_tell_what_was_decided(copies: Orchestrators, saga: Outsider, server: NatsServer) -> None:
    copy = await copies.start()
    await saga.ask(request())
    await saga.until_ended(1)
    page = await copy.asked("/metrics")
    assert 'tidegate_decisions_total{type="rollout.completed.v1"} 1.0' in page
    assert not re.search(rf"\b{key().name}\b", page), "no label names a workload"
