"""Speaks to a running supervisor over its unix socket: who are you, how are your parts, do this to one, end.

Used by `sandbox`; the other end is `supervisor.control`.
"""

import fcntl
import os
import select
import signal
import socket
import struct
import time
from pathlib import Path

import msgspec

from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.supervisor.messages import Answer, Order

SOCKET = "control.sock"
CONTROL_TIMEOUT_S = 90.0
DOWN_TIMEOUT_S = 20.0


def ask(directory: Path, order: Order) -> Answer:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(CONTROL_TIMEOUT_S)
            client.connect(str(directory / SOCKET))
            client.sendall(msgspec.json.encode(order) + b"\n")
            with client.makefile("rb") as lines:
                answer = msgspec.json.decode(lines.readline(), type=Answer)
    except (OSError, msgspec.MsgspecError) as error:
        raise SandboxError(f"no answer from the sandbox in {directory}: {error}") from error
    if answer.error:
        raise SandboxError(answer.error)
    return answer


def init_pid(directory: Path) -> int | None:
    """The supervisor's process id as seen from here: the kernel knows who listens on the control socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(directory / SOCKET))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid or None


def end(directory: Path) -> bool:
    """Kill the sandbox's init and wait until the kernel has ended everything below it."""
    pid = init_pid(directory)
    if pid is None:
        return False
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        if not select.select([process], [], [], DOWN_TIMEOUT_S)[0]:
            raise SandboxError(f"process {pid} is still there {DOWN_TIMEOUT_S:.0f} s after kill -9")
    except ProcessLookupError:
        pass
    finally:
        os.close(process)
    return True


def wait_for_unlock(lock: Path) -> None:
    """`unshare` outside the namespaces ends a moment after the supervisor, and holds the lock until then."""
    deadline = time.monotonic() + DOWN_TIMEOUT_S
    descriptor = os.open(lock, os.O_RDWR)
    try:
        while time.monotonic() < deadline:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.01)
    finally:
        os.close(descriptor)
    raise SandboxError(f"something still holds {lock}")
