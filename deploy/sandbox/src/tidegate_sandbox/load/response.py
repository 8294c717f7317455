"""An HTTP/1.1 response out of a buffer: its status, the version that answered, and where it ends.

`connection` calls it on every chunk. Pure; a body is skipped, not kept.
"""

from typing import Final, NamedTuple

HEAD_BYTES_MAX: Final = 65_536
NO_BODY: Final = frozenset({204, 304})


class Response(NamedTuple):
    status: int
    version: str | None
    """The pod's `x-version`; None when something on the way answered."""
    keep_alive: bool
    end: int | None
    """Where it ends in the buffer; None when only the connection's end ends it."""


class MalformedResponseError(ValueError):
    """Bytes that are no HTTP/1 response."""


def parse_response(buffer: bytes) -> Response | None:
    """The response at the start of the buffer, or None as long as bytes are missing."""
    head_end = buffer.find(b"\r\n\r\n")
    if head_end < 0:
        if len(buffer) > HEAD_BYTES_MAX:
            raise MalformedResponseError("the head is too large")
        return None
    line, _, fields = buffer[:head_end].partition(b"\r\n")
    words = line.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():  # noqa: PLR2004  version, status
        raise MalformedResponseError(f"no status line: {line[:80]!r}")
    status = int(words[1])
    headers = b"\r\n" + fields.replace(b"\r\n ", b" ") + b"\r\n"
    lower = headers.lower()
    version = _field(headers, lower, b"x-version")
    keep_alive = words[0] != b"HTTP/1.0" and b"close" not in _field(lower, lower, b"connection")
    known, end = _end(buffer, head_end + 4, status, lower)
    if known and end is None:
        return None
    return Response(status, version.decode("latin-1") or None, keep_alive and known, end)


def _field(headers: bytes, lower: bytes, name: bytes) -> bytes:
    start = lower.find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    value = start + len(name) + 3
    return headers[value : headers.index(b"\r\n", value)].strip()


def _end(buffer: bytes, start: int, status: int, headers: bytes) -> tuple[bool, int | None]:
    """Whether the response says where it ends, and the end if it is in the buffer."""
    if status in NO_BODY:
        return True, start
    if b"chunked" in _field(headers, headers, b"transfer-encoding"):
        return True, _chunked_end(buffer, start)
    length = _field(headers, headers, b"content-length")
    if not length:
        return False, None
    if not length.isdigit():
        raise MalformedResponseError(f"content-length {length[:40]!r} is no number")
    end = start + int(length)
    return True, end if len(buffer) >= end else None


def _chunked_end(buffer: bytes, start: int) -> int | None:
    while (line_end := buffer.find(b"\r\n", start)) >= 0:
        try:
            size = int(buffer[start:line_end].partition(b";")[0], 16)
        except ValueError:
            raise MalformedResponseError("no chunk size") from None
        if size == 0:
            trailers_end = buffer.find(b"\r\n\r\n", line_end)
            return None if trailers_end < 0 else trailers_end + 4
        start = line_end + 2 + size + 2
    return None
