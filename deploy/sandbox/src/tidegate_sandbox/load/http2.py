"""HTTP/2 with prior knowledge: a connection that carries many requests at once, as streams.

`run` makes it where the plan asks for version 2. The frames are hyperframe's and the headers hpack's. Their sister h2
isn't used: after a GOAWAY it takes no more frames, and a client without losses has to wait for the answers that the
server still finishes.
"""

import asyncio
from typing import Final

from hpack import Decoder, Encoder, HPACKError
from hyperframe.exceptions import HyperframeError
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

from tidegate_sandbox.load.exchange import Owner, Request, Target

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEAD_BYTES: Final = 9
FRAME_BODY_BYTES_MAX: Final = 16_384
"""What a server may send as long as we don't allow more."""

WINDOW_BYTES: Final = 1_048_576
"""Of bodies that we take without a word, in each stream and, on top of the first 64 KiB, in all of them."""

STREAMS_MAX: Final = 100
"""At once; fewer where the server says so."""

CANCEL: Final = 8
FINAL_STATUS_MIN: Final = 200


class Http2Connection(asyncio.Protocol):
    def __init__(self, owner: Owner, target: Target) -> None:
        self._owner = owner
        self._headers = [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", target.host),
            (":path", target.path),
        ]
        self._encoder = Encoder()
        self._decoder = Decoder()
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._retired = False
        self._next_stream = 1
        self._streams_max = STREAMS_MAX
        self._streams: dict[int, Request] = {}
        self._heads: dict[int, tuple[int, str | None]] = {}
        """Of streams whose answer has begun: its status and version."""
        self._block: HeadersFrame | None = None
        """Headers that go on in the next frame."""
        self._unacknowledged_bytes = 0
        self.requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        settings = {SettingsFrame.ENABLE_PUSH: 0, SettingsFrame.INITIAL_WINDOW_SIZE: WINDOW_BYTES}
        transport.write(PREFACE)
        self._write(SettingsFrame(0, settings=settings), WindowUpdateFrame(0, window_increment=WINDOW_BYTES))

    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing() and not self._retired

    def has_room(self) -> bool:
        return len(self._streams) < self._streams_max and self.usable()

    def send(self, request: Request, *, last: bool) -> None:
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        self._streams[stream] = request
        self._retired |= last
        self.requests += 1
        head = HeadersFrame(stream, self._encoder.encode(self._headers), flags=["END_HEADERS", "END_STREAM"])
        self._write(head)

    def give_up(self, request: Request, kind: str) -> None:
        stream = next(number for number, found in self._streams.items() if found is request)
        self._write(RstStreamFrame(stream, error_code=CANCEL))
        self._failed(stream, kind)

    def retire(self) -> None:
        self._retired = True
        self._close_when_done()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            self._take_frames()
        except (HyperframeError, HPACKError, ValueError):
            self._lose("malformed")

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # Every way to lose it is a reset to the user.
        self._lose("reset")
        self._owner.gone(self)

    def _take_frames(self) -> None:
        start = 0
        while len(self._buffer) - start >= FRAME_HEAD_BYTES:
            body = start + FRAME_HEAD_BYTES
            frame, length = Frame.parse_frame_header(memoryview(self._buffer[start:body]))
            if length > FRAME_BODY_BYTES_MAX:
                raise ValueError(f"a frame of {length} bytes")
            if len(self._buffer) < body + length:
                break
            frame.parse_body(memoryview(self._buffer[body : body + length]))
            start = body + length
            self._take(frame)
        self._buffer = self._buffer[start:]

    def _take(self, frame: Frame) -> None:
        match frame:
            case HeadersFrame() | ContinuationFrame():
                self._take_headers(frame)
            case DataFrame():
                self._take_data(frame)
            case RstStreamFrame():
                self._failed(frame.stream_id, "reset")
            case GoAwayFrame():
                self._take_goaway(frame)
            case SettingsFrame() if "ACK" not in frame.flags:
                allowed = frame.settings.get(SettingsFrame.MAX_CONCURRENT_STREAMS, STREAMS_MAX)
                self._streams_max = min(STREAMS_MAX, allowed)
                self._write(SettingsFrame(0, flags=["ACK"]))
            case PingFrame() if "ACK" not in frame.flags:
                self._write(PingFrame(0, opaque_data=frame.opaque_data, flags=["ACK"]))

    def _take_headers(self, frame: HeadersFrame | ContinuationFrame) -> None:
        if isinstance(frame, HeadersFrame):
            self._block = frame
        elif self._block is None:
            raise ValueError("a continuation of nothing")
        else:
            self._block.data += frame.data
        if "END_HEADERS" not in frame.flags:
            return
        whole, self._block = self._block, None
        headers = {str(name): str(value) for name, value in self._decoder.decode(whole.data)}
        status = int(headers.get(":status", 0))
        if status >= FINAL_STATUS_MIN:  # neither an answer before the answer nor trailers
            self._heads[whole.stream_id] = (status, headers.get("x-version"))
        if "END_STREAM" in whole.flags:
            self._answered(whole.stream_id)

    def _take_data(self, frame: DataFrame) -> None:
        self._unacknowledged_bytes += frame.flow_controlled_length
        if self._unacknowledged_bytes > WINDOW_BYTES // 2:
            self._write(WindowUpdateFrame(0, window_increment=self._unacknowledged_bytes))
            self._unacknowledged_bytes = 0
        if "END_STREAM" in frame.flags:
            self._answered(frame.stream_id)

    def _take_goaway(self, frame: GoAwayFrame) -> None:
        """The server finishes what it has begun and takes no more."""
        self._retired = True
        for stream in [each for each in self._streams if each > frame.last_stream_id]:
            self._failed(stream, "reset")
        self._close_when_done()

    def _answered(self, stream: int) -> None:
        request, head = self._streams.pop(stream, None), self._heads.pop(stream, None)
        if request is None:
            return  # given up meanwhile
        if head is None:
            self._owner.failed(request, "malformed")
        else:
            self._owner.answered(request, *head)
        self._close_when_done()

    def _failed(self, stream: int, kind: str) -> None:
        request = self._streams.pop(stream, None)
        self._heads.pop(stream, None)
        if request is not None:
            self._owner.failed(request, kind)
        self._close_when_done()

    def _lose(self, kind: str) -> None:
        self._retired = True
        for stream in tuple(self._streams):
            self._failed(stream, kind)

    def _close_when_done(self) -> None:
        if self._retired and not self._streams and self._transport is not None:
            self._transport.close()

    def _write(self, *frames: Frame) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(frame.serialize() for frame in frames))
