import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_sandbox.load.response import MalformedResponseError, Response, parse_response

PLAIN = b"HTTP/1.1 200 OK\r\nX-Version: v2\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\nx-version: v3\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(PLAIN, Response(200, "v2", True, len(PLAIN)), id="length"),
        pytest.param(CHUNKED, Response(500, "v3", True, len(CHUNKED)), id="chunks"),
        pytest.param(
            b"HTTP/1.1 503 Gone\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            Response(503, None, False, 59),
            id="proxy",
        ),
        pytest.param(b"HTTP/1.1 204 Empty\r\n\r\n", Response(204, None, True, 22), id="no-body"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nhel", Response(200, None, False, None), id="until-close"),
    ],
)
def test_a_response_is_read_with_its_version(raw: bytes, expected: Response) -> None:
    assert parse_response(raw) == expected


@pytest.mark.parametrize("raw", [PLAIN, CHUNKED], ids=["length", "chunks"])
def test_a_response_cut_anywhere_waits_for_the_rest(raw: bytes) -> None:
    assert [cut for cut in range(len(raw)) if parse_response(raw[:cut]) is not None] == []


@given(st.binary(max_size=200))
def test_no_bytes_whatever_break_the_parser(raw: bytes) -> None:
    # Anything but the two expected ends is an error of the parser and fails the test.
    with contextlib.suppress(MalformedResponseError):
        response = parse_response(b"HTTP/1.1 200 OK\r\n" + raw + b"\r\n\r\n")
        assert response is None or response.status == 200
