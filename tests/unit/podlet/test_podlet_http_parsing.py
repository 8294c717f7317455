import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_sandbox.podlet.http1 import BadRequestError, Incomplete, Request, parse_request

REQUESTS = {
    "plain": (b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", ("GET", "/a?b=c", True)),
    "closing": (b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", ("GET", "/", False)),
    "old": (b"GET / HTTP/1.0\r\n\r\n", ("GET", "/", False)),
    "old-but-kept": (b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", ("GET", "/", True)),
    "body": (b"POST /p HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", ("POST", "/p", True)),
    "chunks": (
        b"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nt: v\r\n\r\n",
        ("POST", "/p", True),
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_read_whole_and_no_further(name: str) -> None:
    raw, (method, path, keep_alive) = REQUESTS[name]
    assert parse_request(raw + b"GET /next") == Request(method, path, keep_alive, len(raw))


@given(name=st.sampled_from(sorted(REQUESTS)), cut=st.integers(0, 200))
def test_a_request_cut_anywhere_is_incomplete(name: str, cut: int) -> None:
    raw, _ = REQUESTS[name]
    if cut < len(raw):
        assert isinstance(parse_request(raw[:cut]), Incomplete)


def test_a_client_that_asks_before_it_sends_is_recognised() -> None:
    asking = parse_request(b"POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n")
    assert asking == Incomplete(expects_continue=True)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param(b"nonsense\r\n\r\n", 400, id="no-request-line"),
        pytest.param(b"GET / HTTP/2\r\n\r\n", 400, id="other-protocol"),
        pytest.param(b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, id="negative-length"),
        pytest.param(b"GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413, id="huge-body"),
        pytest.param(b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, id="no-chunk-size"),
        pytest.param(b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413, id="huge-chunk"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000, 431, id="endless-head"),
    ],
)
def test_what_is_no_request_is_refused_with_its_code(raw: bytes, code: int) -> None:
    with pytest.raises(BadRequestError) as refused:
        parse_request(raw)
    assert refused.value.code == code


@given(st.binary(max_size=200))
def test_no_bytes_whatever_break_the_parser(raw: bytes) -> None:
    # Anything but a request or a refusal is an error of the parser and fails the test.
    with contextlib.suppress(BadRequestError):
        assert isinstance(parse_request(raw + b"\r\n\r\n"), Request | Incomplete)
