"""The ways around a subject permission that the server itself offers: each ends at the account's wall."""

import asyncio
import json

import pytest
from nats.js.errors import APIError
from support.nats import NatsServer
from support.until import until

from tidegate_chassis.connection import Connection
from tidegate_cli.bus import settled
from tidegate_contracts import topology

pytestmark = pytest.mark.nats

ORDER = "tidegate.orders.workload-controller.default.default.deployment_apps.web"
EVENT = "tidegate.events.default.default.deployment_apps.web.r-1.orchestrator.accepted"
REQUEST = "tidegate.requests.default.default"


async def messages(operator: Connection, stream: str) -> int:
    reply = await operator.client.request(f"{topology.PEOPLE_API}.STREAM.INFO.{stream}", b"", timeout=2)
    count = json.loads(reply.data)["state"]["messages"]
    assert isinstance(count, int)
    return count


async def test_an_acknowledgement_can_not_be_sent_to_an_order_from_outside(bus: NatsServer) -> None:
    async with (
        bus.connected("requester") as requester,
        bus.connected("operator") as operator,
        bus.connected("orchestrator") as orchestrator,
    ):
        await requester.client.publish(REQUEST, b"{}", reply=ORDER)
        await requester.client.publish(REQUEST, b"{}", reply=EVENT)
        await requester.client.jetstream().publish(REQUEST, b"{}", timeout=2)
        for subject in (ORDER + "-two", EVENT):
            await orchestrator.client.jetstream().publish(subject, b"{}", timeout=2)
        assert await messages(operator, topology.REQUESTS) == 3
        assert await messages(operator, topology.ORDERS) == 1
        assert await messages(operator, topology.EVENTS) == 1


async def test_inside_the_services_account_an_acknowledgement_goes_anywhere(bus: NatsServer) -> None:
    """Why requesters are not in that account. Should the server ever refuse it, the README can say so."""
    async with bus.connected("orchestrator") as orchestrator, bus.connected("operator") as operator:
        await orchestrator.client.publish(EVENT, b"{}", reply=ORDER)
        async with asyncio.timeout(5):
            while not await messages(operator, topology.ORDERS):  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.02)


async def test_a_pull_can_not_deliver_history_into_a_request(bus: NatsServer) -> None:
    async with (
        bus.connected("orchestrator") as orchestrator,
        bus.connected("auditor") as auditor,
        bus.connected("operator") as operator,
    ):
        await orchestrator.client.jetstream().publish(EVENT, b"{}", timeout=2)
        pull = f"{topology.PEOPLE_API}.CONSUMER.MSG.NEXT.{topology.EVENTS}.{topology.AUDITOR_CONSUMER.name}"
        await auditor.client.publish(pull, b'{"batch":1}', reply=REQUEST)
        await settled(auditor.client)
        reply = await auditor.client.request(f"{topology.PEOPLE_API}.STREAM.INFO.{topology.EVENTS}", b"", timeout=2)
        assert json.loads(reply.data)["state"]["messages"] == 1
        assert await messages(operator, topology.REQUESTS) == 0


@pytest.mark.parametrize("header", ["Nats-Schedule", "Nats-Rollup", "Nats-TTL"])
async def test_a_request_can_not_carry_a_command_to_the_server(bus: NatsServer, header: str) -> None:
    values = {"Nats-Schedule": "@at 2020-01-01T00:00:00Z", "Nats-Rollup": "all", "Nats-TTL": "1s"}
    headers = {header: values[header], "Nats-Schedule-Target": "tidegate.requests.default.payments"}
    async with bus.connected("requester") as requester, bus.connected("operator") as operator:
        await requester.client.jetstream().publish(REQUEST, b"first", timeout=2)
        with pytest.raises(APIError):
            await requester.client.jetstream().publish(REQUEST, b"{}", headers=headers, timeout=2)
        assert await messages(operator, topology.REQUESTS) == 1


async def test_an_auditor_reads_live_stored_and_by_its_durable(bus: NatsServer) -> None:
    async with bus.connected("orchestrator") as orchestrator, bus.connected("auditor") as auditor:
        heard: list[bytes] = []

        async def hear(message: object) -> None:
            heard.append(message.data)  # type: ignore[attr-defined]

        await auditor.client.subscribe("tidegate.events.>", cb=hear)
        await settled(auditor.client)
        await orchestrator.client.jetstream().publish(EVENT, b'"said"', timeout=2)
        await until(lambda: heard == [b'"said"'], what="the live event")
        get = f"{topology.PEOPLE_API}.DIRECT.GET.{topology.EVENTS}"
        stored = await auditor.client.request(get, b'{"seq":1}', timeout=2)
        assert stored.data == b'"said"'
        pull = f"{topology.PEOPLE_API}.CONSUMER.MSG.NEXT.{topology.EVENTS}.{topology.AUDITOR_CONSUMER.name}"
        inbox = auditor.client.new_inbox()
        answers = await auditor.client.subscribe(inbox)
        await auditor.client.publish(pull, b'{"batch":1}', inbox)
        pulled = await answers.next_msg(timeout=2)
        assert pulled.data == b'"said"'
        await pulled.ack()


async def test_even_the_deploy_job_can_not_purge_the_history(bus: NatsServer) -> None:
    async with bus.connected("orchestrator") as orchestrator, bus.connected("deploy") as deploy:
        await orchestrator.client.jetstream().publish(EVENT, b"{}", timeout=2)
        with pytest.raises(TimeoutError):
            await deploy.client.jetstream(timeout=0.5).purge_stream(topology.EVENTS)
        with pytest.raises(TimeoutError):
            await deploy.client.jetstream(timeout=0.5).delete_stream(topology.EVENTS)
        info = await deploy.client.jetstream().stream_info(topology.EVENTS)
        assert info.state.messages == 1
