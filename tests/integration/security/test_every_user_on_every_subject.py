"""Each user tries each subject of the table against a real server; who is refused is what the server says itself."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
import pytest
from bus_rights import PUBLISH, SUBSCRIBE, USERS
from nats.aio.client import Client
from support.nats import NatsServer, password

from tidegate_cli.bus import settled
from tidegate_contracts import topology

pytestmark = pytest.mark.nats

VIOLATION = re.compile(r'permissions violation for (?:publish|subscription) to "([^"]+)"', re.IGNORECASE)


@asynccontextmanager
async def client(bus: NatsServer, user: str, refused: set[str]) -> AsyncIterator[Client]:
    """A plain client of the user, that notes each subject which the server refuses it."""

    async def note(error: Exception) -> None:
        found = VIOLATION.search(str(error))
        assert found, error
        refused.add(found.group(1))

    connection = await nats.connect(
        bus.url, user=user, password=password(user), inbox_prefix=f"_INBOX_{user}", error_cb=note, allow_reconnect=False
    )
    yield connection
    await connection.close()


@pytest.mark.parametrize("user", USERS)
async def test_a_user_may_publish_exactly_what_the_table_says(bus: NatsServer, user: str) -> None:
    refused: set[str] = set()
    async with client(bus, user, refused) as connection:
        for subject in PUBLISH:
            await connection.publish(subject, b"")
        await settled(connection)
    allowed = {subject for subject in PUBLISH if subject.lower() not in refused}
    assert allowed == {subject for subject, users in PUBLISH.items() if user in users}


@pytest.mark.parametrize("user", USERS)
async def test_a_user_may_hear_exactly_what_the_table_says(bus: NatsServer, user: str) -> None:
    refused: set[str] = set()
    async with client(bus, user, refused) as connection:
        for subject in SUBSCRIBE:
            await connection.subscribe(subject)
        await settled(connection)
    allowed = {subject for subject in SUBSCRIBE if subject.lower() not in refused}
    assert allowed == {subject for subject, users in SUBSCRIBE.items() if user in users}


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param({}, id="without-a-name"),
        pytest.param({"user": "deploy", "pass": ""}, id="without-a-password"),
        pytest.param({"user": "deploy", "pass": "wrong"}, id="with-a-wrong-password"),
        pytest.param({"user": "deploy", "pass": password("operator")}, id="with-another-users-password"),
        pytest.param({"user": "root", "pass": password("deploy")}, id="as-somebody-unknown"),
    ],
)
async def test_nobody_gets_in_otherwise(bus: NatsServer, credentials: dict[str, str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
    await reader.readline()
    writer.write(b"CONNECT " + json.dumps(credentials).encode() + b"\r\nPING\r\n")
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert answer == b"-ERR 'Authorization Violation'\r\n"


def test_each_durable_of_the_topology_has_somebody_who_may_pull_it() -> None:
    for consumer in topology.consumers():
        pulled = [
            users
            for subject, users in PUBLISH.items()
            if subject.endswith(f"CONSUMER.MSG.NEXT.{consumer.stream}.{consumer.name}") and users
        ]
        assert len(pulled) == 1, consumer.name
        assert pulled[0] == {consumer.name.partition("--")[0]}
