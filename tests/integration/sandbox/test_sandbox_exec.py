"""A command run inside a sandbox is to its caller like any other process."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate_sandbox import sandbox as sandboxes
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def inside() -> Iterator[SandboxState]:
    name = sandboxes.unique_name("exec")
    yield sandboxes.up(name, without={"kubernetes", "prometheus"}, owner_pid=os.getpid())
    sandboxes.down(name)


def run(inside: SandboxState, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        sandboxes.exec_command(inside, command), capture_output=True, text=True, check=False, timeout=20
    )


def test_its_exit_code_comes_out(inside: SandboxState) -> None:
    assert run(inside, "sh", "-c", "exit 7").returncode == 7


def test_the_signal_that_ended_it_comes_out(inside: SandboxState) -> None:
    assert run(inside, "sh", "-c", "kill -KILL $$").returncode == -signal.SIGKILL


def test_its_directory_and_environment_are_those_of_the_caller(inside: SandboxState, tmp_path: Path) -> None:
    done = subprocess.run(
        sandboxes.exec_command(inside, ["sh", "-c", "pwd; echo $SEEN"]),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=os.environ | {"SEEN": "yes"},
    )
    assert done.stdout.splitlines() == [str(tmp_path), "yes"]


def test_it_can_listen_on_any_pod_address_and_sees_no_other_network(inside: SandboxState) -> None:
    program = (
        "import socket; s = socket.create_server(('10.244.7.8', 8080)); print(s.getsockname()[0]);"
        "print([name for _, name in socket.if_nameindex()])"
    )
    done = run(inside, "python3", "-c", program)
    assert done.stdout.splitlines() == ["10.244.7.8", "['lo']"]


def test_a_signal_reaches_it(inside: SandboxState) -> None:
    script = "trap 'echo heard; exit 3' TERM; echo started; while :; do sleep 0.05; done"
    with subprocess.Popen(
        sandboxes.exec_command(inside, ["sh", "-c", script]), stdout=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "started\n"
        command.terminate()
        assert command.stdout.readline() == "heard\n"
        assert command.wait(timeout=10) == 3


def test_it_dies_when_its_caller_kills_it(inside: SandboxState) -> None:
    with subprocess.Popen(
        sandboxes.exec_command(inside, ["sh", "-c", "echo started; exec sleep 600"]), stdout=subprocess.PIPE
    ) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == b"started\n"
        command.kill()
        # The pipe ends only when the command itself has ended.
        assert command.stdout.read() == b""


def test_a_pipe_that_nobody_reads_ends_it_as_usual(inside: SandboxState) -> None:
    done = run(inside, "bash", "-c", "yes | head -n 1; echo ${PIPESTATUS[0]}")
    assert done.stdout.splitlines() == ["y", str(128 + signal.SIGPIPE)]


def test_a_command_that_does_not_exist_says_so(inside: SandboxState) -> None:
    done = run(inside, "no-such-command")
    assert done.returncode == 127
    assert "no-such-command" in done.stderr


def test_a_sandbox_that_has_ended_can_not_be_entered(inside: SandboxState) -> None:
    # The same process id with another start: the number was used again.
    command = sandboxes.exec_command(inside, ["true"])
    command[5] = str(inside.init_start_ticks + 1)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 125
    assert "can't be entered" in done.stderr
