"""A port that a server may be told to listen on a little later.

Used by tests, the demo and the bench. It is below those that the kernel gives to outgoing connections (ip(7),
`ip_local_port_range`, from 32768 on): one of these may be somebody's by the time the server starts, inside a sandbox,
too, and whoever knocks at it before the server listens may be answered by themselves.
"""

import random
import socket

from tidegate_sandbox.addresses import LOOPBACK

PORTS = range(11_000, 18_000)
"""None of a sandbox's own is among them."""

_given: set[int] = set()


def free_port() -> int:
    """One that nobody listens on, and that this process was not given before."""
    for port in random.sample(PORTS, len(PORTS)):
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise RuntimeError(f"every port from {PORTS.start} to {PORTS.stop - 1} is in use, or was")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
