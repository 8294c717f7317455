"""gRPC calls by HTTP/2 without TLS, as servers and clients make them: one message there, one back, a status after it.

The servers listen on pods' own addresses, beside what the sandbox has there, which speaks HTTP/1.1 alone. What a
message says is the caller's: here the bytes of a word, where an application has a protobuf.
"""

import asyncio
import struct
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from hpack import Decoder, Encoder
from hyperframe.frame import DataFrame, Frame, HeadersFrame, PingFrame, SettingsFrame

from tidegate_sandbox.load.http2 import FRAME_HEAD_BYTES, PREFACE
from tidegate_sandbox.sandbox import exec_command
from tidegate_sandbox.state import SandboxState

CALL_TIMEOUT_S = 5.0
GRPC = ("content-type", "application/grpc")
READ_BYTES = 65_536
READY = "listening"


class Reply(NamedTuple):
    """What came back: the message, and by which status the call ended."""

    message: str
    status: str


def as_message(word: str) -> bytes:
    """Uncompressed, with its length before it."""
    return struct.pack(">?I", False, len(word)) + word.encode()


class Stream:
    """One connection's frames, each side of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._encoder = Encoder()
        self._decoder = Decoder()
        self._buffer = b""

    def write(self, *frames: Frame) -> None:
        self._writer.write(b"".join(each.serialize() for each in frames))

    def headers(self, stream: int, fields: list[tuple[str, str]], *flags: str) -> HeadersFrame:
        return HeadersFrame(stream, self._encoder.encode(fields), flags=["END_HEADERS", *flags])

    def fields(self, frame: HeadersFrame) -> dict[str, str]:
        return {str(name): str(value) for name, value in self._decoder.decode(frame.data)}

    async def preface(self) -> None:
        assert await self._reader.readexactly(len(PREFACE)) == PREFACE

    async def frames(self) -> AsyncIterator[HeadersFrame | DataFrame]:
        """Those of calls; what the connection itself needs is answered here."""
        while data := await self._reader.read(READ_BYTES):
            self._buffer += data
            for each in self._whole():
                match each:
                    case HeadersFrame() | DataFrame():
                        yield each
                    case SettingsFrame() if "ACK" not in each.flags:
                        self.write(SettingsFrame(0, flags=["ACK"]))
                    case PingFrame() if "ACK" not in each.flags:
                        self.write(PingFrame(0, opaque_data=each.opaque_data, flags=["ACK"]))

    def _whole(self) -> Iterator[Frame]:
        while len(self._buffer) >= FRAME_HEAD_BYTES:
            found, length = Frame.parse_frame_header(memoryview(self._buffer[:FRAME_HEAD_BYTES]))
            if len(self._buffer) < FRAME_HEAD_BYTES + length:
                return
            found.parse_body(memoryview(self._buffer[FRAME_HEAD_BYTES : FRAME_HEAD_BYTES + length]))
            self._buffer = self._buffer[FRAME_HEAD_BYTES + length :]
            yield found


async def serve(address: str, port: int, word: str) -> None:
    """Answer each call with the word, and say when it can be called."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = Stream(reader, writer)
        await stream.preface()
        stream.write(SettingsFrame(0))
        async for each in stream.frames():
            if "END_STREAM" in each.flags:
                number = each.stream_id
                stream.write(
                    stream.headers(number, [(":status", "200"), GRPC]),
                    DataFrame(number, as_message(word)),
                    stream.headers(number, [("grpc-status", "0")], "END_STREAM"),
                )

    async with await asyncio.start_server(answer, address, port) as server:
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        await server.serve_forever()


@asynccontextmanager
async def answering(sandbox: SandboxState, address: str, port: int, word: str) -> AsyncIterator[None]:
    """A server in a process of its own, since a pod's address is one in the sandbox only."""
    command = exec_command(sandbox, [sys.executable, __file__, address, str(port), word])
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert (await asyncio.wait_for(process.stdout.readline(), CALL_TIMEOUT_S)).decode().strip() == READY
        yield
    finally:
        process.terminate()
        await process.wait()


async def call(host: str, port: int, authority: str, method: str, metadata: Mapping[str, str] | None = None) -> Reply:
    """One call on a connection of its own."""
    async with asyncio.timeout(CALL_TIMEOUT_S):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            return await _call(Stream(reader, writer), writer, authority, method, metadata or {})
        finally:
            writer.close()
            await writer.wait_closed()


async def _call(
    stream: Stream, writer: asyncio.StreamWriter, authority: str, method: str, metadata: Mapping[str, str]
) -> Reply:
    writer.write(PREFACE)
    head = [(":method", "POST"), (":scheme", "http"), (":authority", authority), (":path", method), GRPC]
    stream.write(
        SettingsFrame(0),
        stream.headers(1, [*head, ("te", "trailers"), *metadata.items()]),
        DataFrame(1, as_message("?"), flags=["END_STREAM"]),
    )
    message, status = b"", ""
    async for each in stream.frames():
        if isinstance(each, DataFrame):
            message += each.data
        else:
            status = stream.fields(each).get("grpc-status", status)
        if "END_STREAM" in each.flags:
            break
    return Reply(message[5:].decode(), status)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
