"""Whatever is published, somebody gets an answer that says field, value, rule and remedy, and no service restarts."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.js.errors import APIError
from support.sandbox import kubectl as admin
from support.until import until

from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.dead import DeadLetter
from tidegate_contracts.decisions import RolloutFailed, RolloutPaused, RolloutRejected, RolloutSuperseded, StepStarted
from tidegate_contracts.problem import Problem
from tidegate_demo.journal import Listener, listening, requester
from tidegate_demo.scenario import deploy
from tidegate_demo.stack import Stack, running_stack
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
SUBJECT = "tidegate.requests.default.default"
ANSWER_TIMEOUT_S = 20.0
Body = dict[str, Any]
NARROW: Body = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "narrow", "namespace": "default"},
    "spec": {
        "parentRefs": [{"name": "tidegate", "namespace": "projectcontour"}],
        "hostnames": ["narrow.example"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/shop"}}],
                "backendRefs": [{"name": "web", "port": 80}],
            }
        ],
    },
}


class Bench(NamedTuple):
    stack: Stack
    listener: Listener
    client: Client
    dead: list[DeadLetter]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(own_sandbox: SandboxState) -> AsyncIterator[Bench]:
    await deploy(own_sandbox)
    dead: list[DeadLetter] = []
    async with (
        running_stack(own_sandbox) as stack,
        listening(own_sandbox, on_dead=dead.append) as listener,
        requester(own_sandbox) as client,
    ):
        yield Bench(stack, listener, client, dead)


def _request(**changes: Any) -> Body:
    body: Body = {
        "type": "rollout.requested.v1",
        "workload": {"name": "web"},
        "change": {"images": {"web": "registry.example/web:v2"}},
        "steps": [{"replicas": "20%"}, {"replicas": "100%"}],
    }
    return body | changes


async def _publish(bench: Bench, payload: bytes) -> None:
    await bench.client.jetstream().publish(SUBJECT, payload)


async def _dead_letter(bench: Bench, payload: bytes) -> DeadLetter:
    before = len(bench.dead)
    await _publish(bench, payload)
    await until(lambda: len(bench.dead) > before, within_s=ANSWER_TIMEOUT_S)
    return bench.dead[before]


async def _first(bench: Bench, rollout: str, *kinds: type[AnyEvent]) -> AnyEvent:
    def found() -> list[AnyEvent]:
        return [event for event in bench.listener.of(rollout) if isinstance(event, kinds)]

    await until(found, within_s=ANSWER_TIMEOUT_S)
    return found()[0]


def _says(problem: Problem | None, field: str) -> None:
    assert problem is not None
    assert field in problem.field
    assert problem.rule
    assert problem.remedy


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        pytest.param(b"{not json", "message", id="malformed JSON"),
        pytest.param(b"\xff\xfe\x00", "message", id="not even text"),
        pytest.param(b'{"type":"rollout.requested.v1","steps":[]}', "workload", id="nobody's"),
        pytest.param(b"[" * 30_000, "message", id="nested without end"),
    ],
)
async def test_what_cannot_be_read_becomes_a_dead_letter(bench: Bench, payload: bytes, field: str) -> None:
    letter = await _dead_letter(bench, payload)
    assert letter.payload == payload[: len(letter.payload)]
    _says(letter.problems[0], field)


async def test_what_is_too_large_is_refused_to_its_sender(bench: Bench) -> None:
    with pytest.raises(APIError, match="maximum"):
        await _publish(bench, b" " * 65_537)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"type": "rollout.requested.v9"}, "type", id="unknown version"),
        pytest.param({"pauses": 3}, "pauses", id="a field that nobody would read"),
        pytest.param({"steps": [{"replicas": "120%"}]}, "steps[0].replicas", id="over 100 percent"),
        pytest.param({"steps": [{"replicas": "60%"}, {"replicas": "40%"}]}, "steps[1].replicas", id="falling"),
        pytest.param({"steps": []}, "steps", id="no step"),
        pytest.param({"steps": [{"replicas": 1}] * 2_000}, "steps", id="too many steps"),
        pytest.param({"strategy": "teleport"}, "strategy", id="unknown strategy"),
        pytest.param({"change": {"images": {"web": "a b\u0007"}}}, "change.images", id="control characters"),
    ],
)
async def test_what_breaks_a_rule_is_rejected_in_the_workloads_history(
    bench: Bench, changes: Body, field: str, request: pytest.FixtureRequest
) -> None:
    rollout = f"bad-{abs(hash(request.node.name)) % 10**8}"
    await _publish(bench, json.dumps(_request(rollout=rollout, **changes)).encode())
    rejected = await _first(bench, rollout, RolloutRejected)
    assert isinstance(rejected, RolloutRejected)
    _says(rejected.problems[0], field)


@pytest.mark.parametrize("name", ["*", ">", "a.*.b", "web\n", "we b", "..", "x" * 300, "$JS"])
async def test_a_hostile_name_never_reaches_a_subject(bench: Bench, name: str) -> None:
    letter = await _dead_letter(bench, json.dumps(_request(workload={"name": name})).encode())
    _says(letter.problems[0], "workload.name")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"workload": {"name": "nobody"}}, "workload", id="unknown workload"),
        pytest.param({"workload": {"name": "web", "kind": "Spaceship"}}, "kind", id="unknown kind"),
        pytest.param({"change": {"images": {"sidecar": "registry.example/x:v2"}}}, "change", id="unknown container"),
    ],
)
async def test_what_cannot_start_fails_before_anything_is_touched(
    bench: Bench, changes: Body, field: str, request: pytest.FixtureRequest
) -> None:
    rollout = f"late-{abs(hash(request.node.name)) % 10**8}"
    await _publish(bench, json.dumps(_request(rollout=rollout, **changes)).encode())
    failed = await _first(bench, rollout, RolloutFailed)
    assert isinstance(failed, RolloutFailed)
    _says(failed.problem, field)


@pytest.mark.parametrize(
    ("traffic", "word"),
    [
        pytest.param({"route": "nowhere", "service": "web"}, "nowhere", id="a route that is not there"),
        pytest.param(
            {"route": "web", "service": "web", "router": "carrier-pigeon"}, "carrier-pigeon", id="no such router"
        ),
        pytest.param(
            {"route": "web", "service": "web", "router": "traefik-ingress-route"},
            "traefik-ingress-route",
            id="a kind that the cluster lacks",
        ),
    ],
)
async def test_a_route_that_cannot_be_moved_ends_or_holds_the_rollout_with_the_reason(
    bench: Bench, traffic: Body, word: str
) -> None:
    rollout = f"route-{word}"
    await _publish(bench, json.dumps(_request(rollout=rollout, traffic=[traffic])).encode())
    answer = await _first(bench, rollout, RolloutPaused, RolloutFailed)
    assert isinstance(answer, RolloutPaused | RolloutFailed)
    assert word in answer.reason or (isinstance(answer, RolloutFailed) and word in str(answer.problem))
    await bench.client.jetstream().publish(
        f"tidegate.controls.default.default.{rollout}", b'{"type":"control.roll-back.v1","by":"test"}'
    )


async def test_a_match_of_the_third_step_that_the_route_has_no_room_for_ends_the_rollout_before_anything_moves(
    bench: Bench, own_sandbox: SandboxState
) -> None:
    await asyncio.to_thread(admin, own_sandbox, "apply", "-f", "-", manifest=json.dumps(NARROW))
    parts = "{range .items[*]}{.spec}{.metadata.labels}{end}"
    watched = ("get", "deployment/web", "service/web", "httproute/narrow", "-o", f"jsonpath={parts}")
    before = await asyncio.to_thread(admin, own_sandbox, *watched)
    by_path = {"weight_percent": 20, "matches": [{"path_prefix": "/elsewhere"}]}
    steps = [{"replicas": "20%"}, {"replicas": "40%"}, {"replicas": "60%", "traffic": by_path}, {"replicas": "100%"}]
    traffic = [{"route": "narrow", "service": "web"}]
    await _publish(bench, json.dumps(_request(rollout="third-step", traffic=traffic, steps=steps)).encode())
    failed = await _first(bench, "third-step", RolloutFailed)
    assert isinstance(failed, RolloutFailed)
    _says(failed.problem, "steps[2].traffic.matches")
    assert not [each for each in bench.listener.of("third-step") if isinstance(each, StepStarted)]
    assert await asyncio.to_thread(admin, own_sandbox, *watched) == before


async def test_a_newer_request_takes_a_workload_over(bench: Bench) -> None:
    held = _request(rollout="older", steps=[{"replicas": "20%", "pause": {}}])
    await _publish(bench, json.dumps(held).encode())
    await _first(bench, "older", StepStarted)
    await _publish(bench, json.dumps(_request(rollout="newer", steps=[{"replicas": "100%"}])).encode())
    superseded = await _first(bench, "older", RolloutSuperseded)
    assert isinstance(superseded, RolloutSuperseded)
    assert superseded.superseded_by == "newer"


async def test_no_service_restarted_or_ended(bench: Bench) -> None:
    assert bench.stack.names == {"orchestrator", "workload-controller", "traffic-shifter", "metrics-analyzer"}
    assert all(bench.stack[name].running for name in bench.stack.names)
