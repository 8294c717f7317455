"""The `tidegate` command: puts the commands together, and nothing else."""

import typer

from tidegate_cli.commands import ask, examine, guarding, handing_over, judging, look, steer

app = typer.Typer(
    name="tidegate",
    help="Start, watch and steer rollouts. Every command takes -o json; docs/cli.md lists the exit codes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
ask.register(app)
look.register(app)
steer.register(app)
judging.register(app)
guarding.register(app)
examine.register(app)
handing_over.register(app)


def main() -> None:
    app()
