import asyncio
from collections.abc import Callable

import pytest
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tidegate_sandbox.load.exchange import Connection, Request, Target
from tidegate_sandbox.load.http2 import PREFACE, WINDOW_BYTES, Http2Connection


class Wire(asyncio.Transport):
    """What the client wrote, as frames."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def frames(self) -> list[Frame]:
        found, rest = [], self.written.removeprefix(PREFACE)
        while rest:
            frame, length = Frame.parse_frame_header(memoryview(rest[:9]))
            frame.parse_body(memoryview(rest[9 : 9 + length]))
            found.append(frame)
            rest = rest[9 + length :]
        return found


class Told:
    def __init__(self) -> None:
        self.ended: list[tuple[Request, object]] = []
        self.gone_ones: list[Connection] = []

    def answered(self, request: Request, status: int, version: str | None) -> None:
        self.ended.append((request, (status, version)))

    def failed(self, request: Request, kind: str) -> None:
        self.ended.append((request, kind))

    def gone(self, connection: Connection) -> None:
        self.gone_ones.append(connection)


class Server:
    """One connection and the frames that it gets."""

    def __init__(self) -> None:
        self.told, self.wire = Told(), Wire()
        self.connection = Http2Connection(self.told, Target("web.example", "/"))
        self.connection.connection_made(self.wire)
        self.encoder = Encoder()

    def asked(self, *, last: bool = False) -> Request:
        request = Request(self.connection, due_s=0.0, sent_s=0.0, reused_connection=False)
        self.connection.send(request, last=last)
        return request

    def head(self, stream: int, status: str, *flags: str) -> HeadersFrame:
        block = self.encoder.encode([(":status", status), ("x-version", "v2")])
        return HeadersFrame(stream, block, flags=["END_HEADERS", *flags])

    def says(self, *frames: Frame) -> None:
        self.connection.data_received(b"".join(frame.serialize() for frame in frames))


@pytest.fixture
def server() -> Server:
    return Server()


def test_answers_reach_the_requests_of_their_streams_in_any_order(server: Server) -> None:
    first, second = server.asked(), server.asked()
    server.says(server.head(3, "200"), server.head(1, "503", "END_STREAM"), DataFrame(3, b"v2", flags=["END_STREAM"]))
    assert server.told.ended == [(first, (503, "v2")), (second, (200, "v2"))]
    assert not server.wire.closed


def test_an_answer_cut_anywhere_waits_for_the_rest(server: Server) -> None:
    request = server.asked()
    frames = (server.head(1, "200"), DataFrame(1, b"body"), DataFrame(1, b"", flags=["END_STREAM"]))
    for byte in b"".join(frame.serialize() for frame in frames):
        assert server.told.ended == []
        server.connection.data_received(bytes([byte]))
    assert server.told.ended == [(request, (200, "v2"))]


def test_headers_in_two_frames_and_those_before_and_after_the_answer_are_read(server: Server) -> None:
    request = server.asked()
    server.says(server.head(1, "103"))
    whole = server.head(1, "200").data
    server.says(HeadersFrame(1, whole[:2]), ContinuationFrame(1, whole[2:], flags=["END_HEADERS"]))
    trailers = server.encoder.encode([("x-version", "v9")])
    server.says(DataFrame(1, b"body"), HeadersFrame(1, trailers, flags=["END_HEADERS", "END_STREAM"]))
    assert server.told.ended == [(request, (200, "v2"))]


def test_what_a_server_finishes_after_a_goaway_is_answered_and_the_rest_is_lost(server: Server) -> None:
    begun, ignored = server.asked(), server.asked()
    server.says(GoAwayFrame(0, last_stream_id=1))
    assert server.told.ended == [(ignored, "reset")]
    assert not server.connection.has_room()
    assert not server.wire.closed
    server.says(server.head(1, "200", "END_STREAM"))
    assert server.told.ended[1:] == [(begun, (200, "v2"))]
    assert server.wire.closed


def test_one_stream_that_is_reset_or_given_up_leaves_the_others(server: Server) -> None:
    lost, late, well = server.asked(), server.asked(), server.asked()
    server.says(RstStreamFrame(1))
    server.connection.give_up(late, "timeout")
    server.says(server.head(3, "200", "END_STREAM"), server.head(5, "200", "END_STREAM"))
    assert server.told.ended == [(lost, "reset"), (late, "timeout"), (well, (200, "v2"))]
    assert server.wire.frames()[-1].stream_id == 3


def test_the_last_request_closes_the_connection_after_its_answer(server: Server) -> None:
    server.asked(last=True)
    assert not server.connection.has_room()
    assert not server.wire.closed
    server.says(server.head(1, "200", "END_STREAM"))
    assert server.wire.closed


def test_no_more_streams_than_the_server_allows(server: Server) -> None:
    server.says(
        SettingsFrame(0, settings={SettingsFrame.MAX_CONCURRENT_STREAMS: 1}), PingFrame(0, opaque_data=b"12345678")
    )
    assert server.connection.has_room()
    server.asked()
    assert not server.connection.has_room()
    acknowledged = [frame for frame in server.wire.frames() if "ACK" in frame.flags]
    assert [type(frame) for frame in acknowledged] == [SettingsFrame, PingFrame]


def test_windows_are_opened_again_before_they_are_used_up(server: Server) -> None:
    server.asked()
    server.says(server.head(1, "200"), *[DataFrame(1, bytes(16_000)) for _ in range(40)])
    given = [frame.window_increment for frame in server.wire.frames() if isinstance(frame, WindowUpdateFrame)]
    assert sum(given) > WINDOW_BYTES + 16_000 * 32


@pytest.mark.parametrize(
    "breaking",
    [
        pytest.param(lambda server: server.connection.data_received(b"HTTP/1.1 400 Bad Request\r\n\r\n"), id="bytes"),
        pytest.param(lambda server: server.says(HeadersFrame(1, b"\xff\xff", flags=["END_HEADERS"])), id="headers"),
        pytest.param(lambda server: server.says(DataFrame(1, b"", flags=["END_STREAM"])), id="no-head"),
    ],
)
def test_an_answer_that_is_none_is_malformed(server: Server, breaking: Callable[[Server], None]) -> None:
    request = server.asked()
    breaking(server)
    assert server.told.ended == [(request, "malformed")]


def test_a_lost_connection_loses_every_request_on_it(server: Server) -> None:
    requests = [server.asked(), server.asked()]
    server.connection.connection_lost(None)
    assert server.told.ended == [(request, "reset") for request in requests]
    assert server.told.gone_ones == [server.connection]
