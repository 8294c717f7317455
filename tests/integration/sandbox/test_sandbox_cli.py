"""The command line, as people and scripts use it."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tidegate_sandbox import sandbox as sandboxes
from tidegate_sandbox.state import directory_of

pytestmark = pytest.mark.sandbox


def tidegate_sandbox(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tidegate_sandbox", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    name = sandboxes.unique_name("cli")
    done = tidegate_sandbox("up", "--name", name, "--without", "kubernetes,prometheus", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == name
    yield name
    done = tidegate_sandbox("down", "--name", name)
    assert (done.returncode, done.stdout) == (0, f"{name} is down\n")


def test_status_shows_the_parts(name: str) -> None:
    found = json.loads(tidegate_sandbox("status", "--name", name, "-o", "json").stdout)
    assert [(part["name"], part["state"]) for part in found[0]["parts"]] == [("nats", "ready")]
    assert "nats" in tidegate_sandbox("status", "--name", name).stdout


def test_exec_runs_a_command_with_its_own_options_and_exit_code(name: str) -> None:
    done = tidegate_sandbox("exec", "--name", name, "sh", "-c", "echo $TIDEGATE_NATS_URL; exit 5")
    assert (done.returncode, done.stdout) == (5, "nats://127.0.0.1:4222\n")
    assert tidegate_sandbox("exec", "--name", name, "--", "echo", "-n", "a").stdout == "a"


def test_part_kills_and_waits(name: str) -> None:
    assert tidegate_sandbox("part", "kill", "nats", "--name", name).returncode == 0
    assert tidegate_sandbox("part", "ready", "nats", "--name", name).stdout == "nats is ready\n"


def test_logs_prints_a_parts_log(name: str) -> None:
    assert "Server is ready" in tidegate_sandbox("logs", "nats", "--name", name).stdout


def test_an_unordered_death_is_reported_with_the_end_of_the_parts_log(name: str) -> None:
    pid = next(part.pid for part in sandboxes.status(name) if part.name == "nats")
    tidegate_sandbox("exec", "--name", name, "--", "kill", "-TERM", str(pid))
    tidegate_sandbox("part", "ready", "nats", "--name", name)
    told = (directory_of(name) / "logs" / "supervisor.log").read_text()
    assert "nats ended with exit code 0; the end of" in told
    assert "Server Exiting" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("exec", "--name", "nobody", "true"), "the sandbox nobody is not up"),
        (("status", "--name", "nobody"), "the sandbox nobody is not up"),
        (("part", "kill", "nats", "--name", "nobody"), "no answer from the sandbox"),
        (("up", "--name", "Bad_Name"), "can't be a sandbox's name"),
        (("up", "--name", "bad", "--without", "net"), "no group is called net"),
    ],
)
def test_an_error_is_told_without_a_traceback(arguments: tuple[str, ...], told: str) -> None:
    done = tidegate_sandbox(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
