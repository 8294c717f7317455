"""Commands that other packages have: handed over with their arguments and their ends."""

import importlib.util
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tidegate_cli.app import app
from tidegate_cli.commands import handing_over


class _Done:
    def __init__(self, returncode: int = 3) -> None:
        self.returncode = returncode


@pytest.mark.parametrize(
    ("name", "module", "arguments"),
    [
        ("analyze", "tidegate_metrics_analyzer", ["analyze", "errors", "--since", "1h", "--arg", "service=web"]),
        ("sandbox", "tidegate_sandbox", ["up", "--name", "try"]),
    ],
)
def test_arguments_and_the_exit_code_are_the_other_packages(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str, arguments: list[str]
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], *, check: bool) -> _Done:
        assert not check
        ran.append(command)
        return _Done()

    monkeypatch.setattr(handing_over.subprocess, "run", run)
    own = arguments[1:] if name == "analyze" else arguments
    assert CliRunner().invoke(app, [name, *own]).exit_code == 3
    assert ran == [[sys.executable, "-m", module, *arguments]]


def test_a_command_that_a_signal_ended_ends_as_shells_tell_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_over.subprocess, "run", lambda _, **__: _Done(-signal.SIGTERM))
    assert CliRunner().invoke(app, ["sandbox", "up"]).exit_code == 128 + signal.SIGTERM


@pytest.mark.parametrize("name", ["analyze", "sandbox"])
def test_what_is_not_installed_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    ended = CliRunner().invoke(app, [name, "x"])
    assert ended.exit_code == 1
    assert f"pip install 'tidegate-cli[{name}]'" in ended.output


def test_a_template_that_can_not_be_read_is_inconclusive() -> None:
    """The command as it is typed: there is no cluster here."""
    command = [sys.executable, "-m", "tidegate_cli", "analyze", "errors", "--namespace", "shop"]
    ended = subprocess.run(command, env={"PATH": ""}, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 3, ended.stderr
    assert "verdict: inconclusive" in ended.stdout
