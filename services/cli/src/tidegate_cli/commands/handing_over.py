"""`tidegate sandbox …` and `tidegate analyze …`: hand over to another package's own command, where it is installed.

Each runs in a process of its own, and ends as that one ends: no service is a part of the command.
"""

import importlib.util
import subprocess
import sys
from typing import Final, NoReturn

import typer

from tidegate_cli.errors import Exit

_KILLED: Final = 128
"""With the signal's number added, as shells tell of it."""

_ANY: dict[str, bool | list[str]] = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}


def register(app: typer.Typer) -> None:
    for name, command in (("analyze", analyze), ("sandbox", sandbox)):
        app.command(name, context_settings=_ANY, add_help_option=False)(command)


def analyze(context: typer.Context) -> None:
    """An analysis template run by hand, now or as of the past (`tidegate analyze --help`)."""
    _hand_over("the metrics-analyzer", "tidegate_metrics_analyzer", "analyze", ["analyze", *context.args])


def sandbox(context: typer.Context) -> None:
    """A real cluster on this machine, without containers: up, down, status, exec (`tidegate sandbox --help`)."""
    _hand_over("the sandbox", "tidegate_sandbox", "sandbox", context.args)


def _hand_over(what: str, module: str, extra: str, arguments: list[str]) -> NoReturn:
    if importlib.util.find_spec(module) is None:
        typer.echo(f"error: {what} is not installed\nremedy: pip install 'tidegate-cli[{extra}]'", err=True)
        raise typer.Exit(Exit.FAILED)
    done = subprocess.run([sys.executable, "-m", module, *arguments], check=False)  # noqa: S603 - hands its own arguments over
    raise typer.Exit(done.returncode if done.returncode >= 0 else _KILLED - done.returncode)
