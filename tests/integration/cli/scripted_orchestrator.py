"""An orchestrator by script: answers requests and controls with the events that the real one would append.

The command under test can't tell; it lets each answer be chosen, or left out.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import nats.errors
from nats.aio.msg import Msg
from support.nats import NatsServer

from tidegate_chassis.connection import Connection
from tidegate_contracts import codec, decisions, subjects, topology
from tidegate_contracts.controls import Approve, Cancel, Control, JumpToStep, Pause, Replan, Resume, Retry, RollBack
from tidegate_contracts.envelope import Envelope, message_id, rollout_id
from tidegate_contracts.plan import plan
from tidegate_contracts.problem import Problem
from tidegate_contracts.workload import WorkloadKey

REFUSAL = Problem(field="control", value="resume", rule="a paused rollout", remedy="Nothing to do.")

TAKEN = Problem(field="rollout", value="web-1", rule="a new id", remedy="Choose another.")


class ScriptedOrchestrator:
    def __init__(self, connection: Connection) -> None:
        self._client = connection.client
        self.revision = 0
        self.silent = False
        self.rejects: tuple[Problem, ...] = ()
        self.refuses = False
        self.controls: list[Any] = []
        self._keys: dict[str, WorkloadKey] = {}

    async def run(self) -> None:
        await asyncio.gather(
            self._pull(topology.REQUESTS_CONSUMER, self._request), self._pull(topology.CONTROLS_CONSUMER, self._control)
        )

    async def _pull(self, consumer: topology.Consumer, handle: Any) -> None:
        bound = await self._client.jetstream().pull_subscribe_bind(consumer=consumer.name, stream=consumer.stream)
        while True:
            try:
                (message,) = await bound.fetch(1, timeout=5)
            except nats.errors.TimeoutError:
                continue
            await handle(message)
            await message.ack()

    async def _request(self, message: Msg) -> None:
        cluster, namespace = subjects.parse_request(message.subject)
        request = codec.decode_request(message.data)
        cause = message_id(message.headers, topology.REQUESTS, message.metadata.sequence.stream, 0, message.data)
        rollout = request.rollout or rollout_id(cause)
        if rollout in self._keys:
            self._keys[rollout_id(cause)] = self._keys[rollout]
            await self.decide(rollout_id(cause), decisions.RolloutRejected, cause=cause, problems=(TAKEN,))
            return
        self._keys[rollout] = WorkloadKey.of(cluster, namespace, request.workload)
        if self.silent:
            return
        if self.rejects:
            await self.decide(rollout, decisions.RolloutRejected, cause=cause, problems=self.rejects)
        else:
            await self.decide(rollout, decisions.RolloutAccepted, cause=cause, request=request, plan=plan(request))

    async def _control(self, message: Msg) -> None:
        *_, rollout = subjects.parse_control(message.subject)
        control = codec.decode_control(message.data)
        self.controls.append(control)
        cause = message_id(message.headers, topology.CONTROLS, message.metadata.sequence.stream, 0, message.data)
        if self.silent:
            return
        if self.refuses:
            tag = codec.tag_of(control)
            await self.decide(rollout, decisions.ControlRefused, cause=cause, control=tag, problem=REFUSAL)
            return
        await self._obey(rollout, control, cause)

    async def _obey(self, rollout: str, control: Control, cause: str) -> None:
        match control:
            case Approve():
                await self.decide(rollout, decisions.StepCompleted, cause=cause, step=1, approved_by=control.by)
            case Pause():
                await self.decide(rollout, decisions.RolloutPaused, cause=cause, reason=control.reason, by=control.by)
            case Resume():
                await self.decide(rollout, decisions.RolloutResumed, cause=cause, by=control.by)
            case JumpToStep():
                fields = {"from_step": 1, "to_step": control.step, "by": control.by}
                await self.decide(rollout, decisions.StepJumped, cause=cause, **fields)
            case Replan(request=request):
                fields = {"request": request, "plan": plan(request), "step": 1, "again": False, "by": control.by}
                await self.decide(rollout, decisions.PlanChanged, cause=cause, reason=control.reason, **fields)
            case Retry():
                await self.decide(rollout, decisions.StepRetried, cause=cause, step=1, by=control.by)
            case RollBack():
                await self.decide(rollout, decisions.RollbackStarted, cause=cause, reason=control.reason, by=control.by)
            case Cancel():
                fields = {"reason": control.reason, "by": control.by}
                await self.decide(rollout, decisions.CancellationStarted, cause=cause, **fields)

    async def decide(self, rollout: str, kind: type[decisions.Decision], *, cause: str = "test", **fields: Any) -> None:
        """Appends one decision to a rollout's history."""
        self.revision += 1
        event = kind(rollout=rollout, revision=self.revision, active=rollout, cause=cause, at_s=time.time(), **fields)
        await self.append(rollout, event)

    async def append(self, rollout: str, event: msgspec.Struct) -> None:
        key = self._keys.setdefault(rollout, WorkloadKey("default", "default", "deployment.apps", "web"))
        tag = codec.tag_of(event)
        headers = Envelope(
            id=f"{rollout}-{self.revision}", type=tag, source="tidegate/orchestrator", time_s=time.time()
        ).headers()
        subject = subjects.event(key, rollout, "orchestrator", tag)
        await self._client.jetstream().publish(subject, codec.encode(event), headers=headers, timeout=5)


@asynccontextmanager
async def scripted_orchestrator(server: NatsServer) -> AsyncIterator[ScriptedOrchestrator]:
    async with server.connected("orchestrator") as connection:
        orchestrator = ScriptedOrchestrator(connection)
        running = asyncio.create_task(orchestrator.run())
        try:
            yield orchestrator
        finally:
            running.cancel()
            await asyncio.wait({running})
