"""Nothing of a sandbox is left after its end, however it ends; several stand side by side until then.

These start small sandboxes, without Kubernetes: what ends them is the same.
"""

import os
import signal
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.remains import living_processes_of, pid_namespace
from support.sandbox import until_true

from tidegate_sandbox import sandbox as sandboxes
from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.state import SandboxState, directory_of

pytestmark = pytest.mark.sandbox

SMALL = {"kubernetes", "prometheus"}


@pytest.fixture
def small() -> Iterator[SandboxState]:
    name = sandboxes.unique_name("small")
    yield sandboxes.up(name, without=SMALL, owner_pid=os.getpid())
    sandboxes.down(name)


def accepts(url: str) -> bool:
    address = urllib.parse.urlsplit(url)
    with socket.socket() as client:
        return client.connect_ex((address.hostname, address.port)) == 0


def assert_nothing_is_left(state: SandboxState, namespace: str) -> None:
    until_true(lambda: not living_processes_of(namespace), what="the end of all processes")
    until_true(lambda: not accepts(state.nats_url), what="the forwarded ports being free")
    networks = {str(p.readlink()) for p in Path("/proc").glob("[0-9]*/ns/net") if os.access(p, os.R_OK)}
    assert namespace.replace("pid", "net") not in networks


def test_nothing_is_left_after_down(small: SandboxState) -> None:
    namespace = pid_namespace(small)
    assert len(living_processes_of(namespace)) >= 2
    assert accepts(small.nats_url)
    assert sandboxes.down(small.name)
    assert_nothing_is_left(small, namespace)
    assert not directory_of(small.name).exists()


def test_nothing_is_left_after_kill_9_of_its_init(small: SandboxState) -> None:
    namespace = pid_namespace(small)
    os.kill(small.init_pid, signal.SIGKILL)
    assert_nothing_is_left(small, namespace)
    assert not small.alive


def test_nothing_is_left_after_kill_9_of_unshare_outside(small: SandboxState) -> None:
    namespace = pid_namespace(small)
    status = Path(f"/proc/{small.init_pid}/status").read_text()
    parent = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("PPid"))
    os.kill(parent, signal.SIGKILL)
    assert_nothing_is_left(small, namespace)


def test_a_sandbox_ends_with_its_owner() -> None:
    owner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    state = sandboxes.up(sandboxes.unique_name("owned"), without=SMALL, owner_pid=owner.pid)
    try:
        namespace = pid_namespace(state)
        owner.kill()
        owner.communicate()
        assert_nothing_is_left(state, namespace)
    finally:
        sandboxes.down(state.name)


def test_a_command_run_inside_ends_with_the_sandbox(small: SandboxState) -> None:
    script = ["sh", "-c", "echo started; exec sleep 600"]
    with subprocess.Popen(sandboxes.exec_command(small, script), stdout=subprocess.PIPE) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == b"started\n"
        sandboxes.down(small.name)
        assert command.wait(timeout=10) == -signal.SIGKILL


def test_two_sandboxes_use_the_same_ports_inside(small: SandboxState) -> None:
    other = sandboxes.up(sandboxes.unique_name("small"), without=SMALL, owner_pid=os.getpid())
    try:
        assert small.nats_url_inside == other.nats_url_inside
        assert small.nats_url != other.nats_url
        assert accepts(small.nats_url)
        assert accepts(other.nats_url)
    finally:
        sandboxes.down(other.name)
    assert accepts(small.nats_url)


def test_a_name_that_is_in_use_is_refused_and_its_owner_unharmed(small: SandboxState) -> None:
    with pytest.raises(SandboxError, match="up already"):
        sandboxes.up(small.name, without=SMALL)
    assert accepts(small.nats_url)
    assert sandboxes.load(small.name) == small


def test_a_name_can_be_used_again_after_a_crash(small: SandboxState) -> None:
    os.kill(small.init_pid, signal.SIGKILL)
    until_true(lambda: not accepts(small.nats_url), what="the end")
    again = sandboxes.up(small.name, without=SMALL, owner_pid=os.getpid())
    assert again.alive
    assert again.init_pid != small.init_pid


def test_a_sandbox_that_is_not_up_is_said_to_be_down() -> None:
    with pytest.raises(SandboxError, match=r"not up(.|\n)*up --name nobody"):
        sandboxes.load("nobody")
    assert not sandboxes.down("nobody")
