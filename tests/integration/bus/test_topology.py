import asyncio
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.nats import NatsServer, nats_server, password

from tidegate_chassis import jetstream, topology
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import Permanent
from tidegate_contracts.topology import DEAD, EVENTS, FACTS_CONSUMER, STREAMS, consumers

pytestmark = pytest.mark.nats


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with nats_server(declared=False) as running:
        yield running


@pytest.fixture
async def deploy(server: NatsServer) -> AsyncIterator[Connection]:
    async with server.connected("deploy") as connection:
        yield connection


async def command(server: NatsServer, action: str, **environment: str) -> tuple[int, str]:
    variables = os.environ | {
        "TIDEGATE_NATS_URL": server.url,
        "TIDEGATE_NATS_USER": "deploy",
        "TIDEGATE_NATS_PASSWORD": password("deploy"),
        **environment,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tidegate_chassis.topology", action),
        env=variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def change_stream(server: NatsServer, name: str, **changes: Any) -> None:
    async with server.administrator() as administrator:
        config = (await jetstream.api(administrator, f"STREAM.INFO.{name}"))["config"]
        answer = await jetstream.api(administrator, f"STREAM.UPDATE.{name}", config | changes)
        assert "error" not in answer, answer


async def test_everything_is_declared_and_nothing_drifts(deploy: Connection) -> None:
    report = await topology.declare(deploy)
    assert set(report.created) == {stream.name for stream in STREAMS} | {consumer.name for consumer in consumers()}
    assert await topology.check(deploy) == []


async def test_declaring_again_changes_nothing(deploy: Connection) -> None:
    created = (await topology.declare(deploy)).created
    again = await topology.declare(deploy)
    assert (again.created, again.updated, again.unchanged) == ((), (), created)


async def test_what_somebody_changed_is_told_and_put_back(server: NatsServer, deploy: Connection) -> None:
    await topology.declare(deploy)
    await change_stream(server, DEAD, max_age=3600 * 1_000_000_000)
    (drift,) = await topology.check(deploy)
    assert (drift.what, drift.setting) == (f"stream {DEAD}", "max_age")
    assert (await topology.declare(deploy)).updated == (DEAD,)
    assert await topology.check(deploy) == []


async def test_a_missing_part_is_told(deploy: Connection) -> None:
    drifts = await topology.check(deploy)
    assert {str(drift) for drift in drifts} >= {f"stream {EVENTS}: existence is missing, not there"}
    assert len(drifts) == len(STREAMS) + len(consumers())


async def test_a_difference_that_the_server_will_not_change_is_refused_loudly(deploy: Connection) -> None:
    config = topology.stream_config(STREAMS[0], 1) | {"storage": "memory"}
    await jetstream.api(deploy, f"STREAM.CREATE.{STREAMS[0].name}", config)
    with pytest.raises(Permanent, match=STREAMS[0].name):
        await topology.declare(deploy)


async def test_a_durable_is_never_given_another_filter(deploy: Connection) -> None:
    await topology.declare(deploy)
    other = topology.consumer_config(FACTS_CONSUMER) | {
        "filter_subjects": ["tidegate.events.a.>", "tidegate.events.b.>"]
    }
    call = f"CONSUMER.DURABLE.CREATE.{EVENTS}.{FACTS_CONSUMER.name}"
    await jetstream.api(deploy, call, {"stream_name": EVENTS, "config": other})
    with pytest.raises(Permanent) as refused:
        await topology.declare(deploy)
    assert "new name" in refused.value.remedy


async def test_the_history_cannot_be_shortened_over_the_bus(server: NatsServer, deploy: Connection) -> None:
    await topology.declare(deploy)
    async with server.administrator() as administrator:
        for call in (f"STREAM.PURGE.{EVENTS}", f"STREAM.MSG.DELETE.{EVENTS}"):
            assert "error" in await jetstream.api(administrator, call, {"seq": 1})


async def test_the_command_declares_checks_and_tells_by_its_status(server: NatsServer) -> None:
    status, output = await command(server, "check")
    assert status == 1
    assert "missing" in output
    status, output = await command(server, "declare", TIDEGATE_CLUSTERS="default,edge")
    assert status == 0, output
    assert "workload-controller--orders--edge" in output
    assert await command(server, "check") == (0, "as it should be\n")


async def test_the_command_says_what_is_wrong_when_it_cannot_work(server: NatsServer) -> None:
    status, output = await command(server, "check", TIDEGATE_NATS_PASSWORD="wrong")
    assert status == 1
    assert "refuses the user" in output
    await server.kill()
    status, output = await command(server, "check")
    assert status == 2
    assert "can't be reached" in output
    assert "Traceback" not in output
