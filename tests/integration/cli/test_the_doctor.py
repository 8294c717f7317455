"""`tidegate doctor` on a bus that is well, unwell, undeclared, or not there, and on clusters that are not there."""

import asyncio
from pathlib import Path

import pytest
from scripted_orchestrator import ScriptedOrchestrator
from support.nats import NatsServer, nats_server
from tidegate_command import Tidegate

from tidegate_contracts import topology

pytestmark = pytest.mark.nats


def states(findings: list[dict[str, str]]) -> dict[str, str]:
    return {finding["about"]: finding["state"] for finding in findings}


async def test_who_does_not_listen_is_named(tidegate: Tidegate, orchestrator: ScriptedOrchestrator) -> None:
    ended = await tidegate("doctor", "-o", "json")
    found = states(ended.json["findings"])
    assert ended.code == 9
    assert found["NATS"] == found["requests"] == found["controls"] == found["history"] == "good"
    assert found["TIDEGATE_REQUESTS orchestrator--requests"] == "good"
    assert found["TIDEGATE_ORDERS traffic-shifter--orders--default"] == "fault"


async def test_looking_stores_nothing(tidegate: Tidegate, bus: NatsServer) -> None:
    await tidegate("doctor")
    async with bus.connected("deploy") as deploy:
        for stream in topology.STREAMS:
            info = await deploy.client.jetstream().stream_info(stream.name)
            assert info.state.messages == 0, stream.name


async def test_a_missing_right_is_named(tidegate: Tidegate) -> None:
    ended = await tidegate("doctor", "-n", "payments", "-o", "json", user="requester")
    found = states(ended.json["findings"])
    assert ended.code == 9
    assert (found["requests"], found["controls"], found["live events"]) == ("fault", "fault", "warning")


async def test_dead_letters_are_pointed_at(tidegate: Tidegate, bus: NatsServer) -> None:
    async with bus.connected("orchestrator") as orchestrator:
        await orchestrator.client.jetstream().publish("tidegate.dead.orchestrator", b"{}", timeout=5)
    ended = await tidegate("doctor", "-o", "json")
    assert states(ended.json["findings"])["TIDEGATE_DEAD"] == "warning"


async def test_a_stream_with_other_settings_is_found(tidegate: Tidegate, bus: NatsServer) -> None:
    async with bus.connected("deploy") as deploy:
        jetstream = deploy.client.jetstream()
        config = (await jetstream.stream_info(topology.ORDERS)).config
        config.max_msgs_per_subject = 2
        await jetstream.update_stream(config)
    ended = await tidegate("doctor", "-o", "json")
    finding = next(one for one in ended.json["findings"] if one["about"] == topology.ORDERS)
    assert finding["state"] == "fault"
    assert "max_msgs_per_subject is 2, not 1" in finding["detail"]


async def test_an_undeclared_bus_is_to_be_declared(tidegate: Tidegate) -> None:
    async with nats_server(declared=False) as server:
        ended = await tidegate("doctor", url=server.url)
        listed = await tidegate("list", url=server.url)
    assert ended.code == 9
    assert "tidegate_chassis.topology declare" in ended.out
    assert listed.code == 5
    assert "not declared" in listed.err


async def test_a_bus_that_is_not_there_is_a_finding(tidegate: Tidegate) -> None:
    ended = await tidegate("doctor", "-o", "json", url="nats://127.0.0.1:1", apart=True)
    assert ended.code == 9
    assert states(ended.json["findings"]) == {"NATS": "fault"}


async def test_a_cluster_that_is_not_there_is_a_finding(tidegate: Tidegate, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    await asyncio.to_thread(kubeconfig.write_text, CLUSTER_NOWHERE)
    ended = await tidegate("doctor", "--kubeconfig", str(kubeconfig), "-o", "json")
    assert states(ended.json["findings"])["Kubernetes"] in ("fault", "warning")
    assert ended.code == 9


CLUSTER_NOWHERE = """
apiVersion: v1
kind: Config
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: nowhere, context: {cluster: nowhere}}]
current-context: nowhere
"""
