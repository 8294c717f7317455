"""`tidegate sandbox …`: hands over to the sandbox, where its package is installed."""

import importlib.util
import subprocess
import sys

import typer

from tidegate_cli.errors import Exit

_ANY: dict[str, bool | list[str]] = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}


def register(app: typer.Typer) -> None:
    app.command("sandbox", context_settings=_ANY, add_help_option=False)(sandbox)


def sandbox(context: typer.Context) -> None:
    """A real cluster on this machine, without containers: up, down, status, exec (`tidegate sandbox --help`)."""
    if importlib.util.find_spec("tidegate_sandbox") is None:
        typer.echo("error: the sandbox is not installed\nremedy: pip install 'tidegate-cli[sandbox]'", err=True)
        raise typer.Exit(Exit.FAILED)
    done = subprocess.run([sys.executable, "-m", "tidegate_sandbox", *context.args], check=False)  # noqa: S603 - hands its own arguments over
    raise typer.Exit(done.returncode)
