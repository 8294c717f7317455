"""Cuts the byte stream of a watch into its frames; pure.

The client feeds it with chunks as they arrive. aiohttp's own line reader has a limit far below the size that a
Kubernetes object may have, hence this one with a limit of its own.
"""

import msgspec

from tidegate_chassis.errors import Transient
from tidegate_chassis.kubernetes.objects import WatchEvent

__all__ = ["FrameCutter"]

FRAME_BYTES_MAX = 16 * 1024 * 1024  # etcd refuses objects beyond 1.5 MB; an API server's own limit is twice that

_decoder = msgspec.json.Decoder(WatchEvent)


class FrameCutter:
    """Holds the beginning of a frame until its end arrives."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._held_bytes = 0

    def feed(self, chunk: bytes) -> list[WatchEvent]:
        """Take the next bytes and return the frames that they complete.

        Raises:
            Transient: The stream is not a watch, or a frame is beyond the limit.
        """
        *complete, rest = chunk.split(b"\n")
        frames: list[bytes] = []
        for line in complete:
            frames.append(b"".join((*self._parts, line)))
            self._parts.clear()
            self._held_bytes = 0
        if rest:
            self._parts.append(rest)
            self._held_bytes += len(rest)
        if self._held_bytes > FRAME_BYTES_MAX:
            raise Transient(f"a watch frame is larger than {FRAME_BYTES_MAX} bytes")
        return [_decode(frame) for frame in frames if frame]


def _decode(frame: bytes) -> WatchEvent:
    try:
        return _decoder.decode(frame)
    except msgspec.MsgspecError as error:
        raise Transient(f"a watch frame is not readable: {error}") from error
