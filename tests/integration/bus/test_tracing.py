import asyncio
import json
import sys
from asyncio import StreamReader, StreamWriter

from tidegate_chassis import telemetry
from tidegate_chassis.message import stored

TRACED = """
import sys
from opentelemetry import trace
from tidegate_chassis import telemetry
from tidegate_chassis.message import stored
from tidegate_contracts.envelope import TRACEPARENT

telemetry.configure("orchestrator", sys.argv[1])
with trace.get_tracer("test").start_as_current_span("published"):
    headers = {TRACEPARENT: telemetry.traceparent()}
message = stored("tidegate.orders.traffic-shifter.c.n.k.web", b"", headers, stream="S", sequence=1, time_ns=0)
with telemetry.order_span(message):
    following = telemetry.traceparent()
trace.get_tracer_provider().shutdown()
print(headers[TRACEPARENT], following)
"""


async def test_spans_are_exported_and_one_trace_goes_through_messages() -> None:
    posted: list[tuple[str, bytes]] = []

    async def collect(reader: StreamReader, writer: StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")
        )
        posted.append((head.splitlines()[0], await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(collect, "127.0.0.1", 0) as collector:
        port = collector.sockets[0].getsockname()[1]
        arguments = ("-c", TRACED, f"http://127.0.0.1:{port}")
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
    assert process.returncode == 0
    published, following = (parent.split("-") for parent in output.decode().split())
    assert published[1] == following[1], "one trace"
    assert published[2] != following[2], "another span"
    assert [line for line, _ in posted] == ["POST /v1/traces HTTP/1.1"]
    assert b"process tidegate.orders.traffic-shifter" in posted[0][1]


async def test_without_an_endpoint_a_trace_still_goes_through_and_no_exporter_is_loaded() -> None:
    script = (
        "import sys, json; from tidegate_chassis import telemetry; telemetry.configure('orchestrator', '');"
        "print(json.dumps([name for name in sys.modules if name.startswith('opentelemetry.sdk')]))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert json.loads(output) == []

    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    message = stored("s", b"", {"traceparent": parent}, stream="S", sequence=1, time_ns=0)
    with telemetry.message_span(message):
        assert telemetry.traceparent() == parent
