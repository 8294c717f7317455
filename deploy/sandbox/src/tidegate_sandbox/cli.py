"""The command line: build, up, down, status, exec, part, logs.

`python -m tidegate_sandbox` and `tidegate sandbox` end here; everything is done by `sandbox` and `toolchain`.
"""

import os
import sys
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from tidegate_sandbox import files, sandbox, state, toolchain
from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.state import SandboxState
from tidegate_sandbox.supervisor.messages import Action, PartStatus
from tidegate_sandbox.supervisor.settings import GROUPS, NODE_GRACE_S, NODES, OPTIONAL_GROUPS

app = typer.Typer(
    help="A real Kubernetes control plane, proxy, NATS and Prometheus on one machine; only the kubelet is simulated.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
Name = Annotated[str, typer.Option("--name", "-n", help="Which sandbox.", envvar="TIDEGATE_SANDBOX")]
Output = Annotated[str, typer.Option("--output", "-o", help="`text` or `json`.")]
DEFAULT_NAME = "default"


def main() -> None:
    """Run the command line; errors that a person can act on come without a traceback."""
    try:
        app()
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None


@app.command()
def build(
    including: Annotated[str, typer.Option("--with", help=f"Add, comma-separated: {', '.join(OPTIONAL_GROUPS)}.")] = "",
) -> None:
    """Build or download whatever is missing in the cache."""
    groups = sandbox.chosen_groups((), _groups(including))
    tools = toolchain.ensure(set().union(*(GROUPS[group] for group in groups)))
    for field in msgspec.structs.fields(tools):
        typer.echo(f"{field.name.replace('_', '-'):24} {getattr(tools, field.name)}")


@app.command()
def up(
    name: Name = DEFAULT_NAME,
    *,
    without: Annotated[str, typer.Option(help=f"Leave out, comma-separated: {', '.join(GROUPS)}.")] = "",
    including: Annotated[str, typer.Option("--with", help=f"Add, comma-separated: {', '.join(OPTIONAL_GROUPS)}.")] = "",
    nodes: Annotated[int, typer.Option(min=1, max=50, help="How many nodes it has.")] = NODES,
    node_grace: Annotated[int, typer.Option(min=2, help="Seconds of silence until a node is lost.")] = NODE_GRACE_S,
    output: Output = "text",
) -> None:
    """Start a sandbox; return when all of it answers."""
    console = Console(stderr=True)

    def on_step(step: str, elapsed_s: float) -> None:
        console.print(f"[green]✓[/] {step:24} after {elapsed_s:5.1f} s", highlight=False)

    heard = None if output == "json" else on_step
    result = sandbox.up(
        name,
        without=_groups(without),
        including=_groups(including),
        nodes=nodes,
        node_grace_s=node_grace,
        on_step=heard,
    )
    if output == "json":
        typer.echo(files.encode(result))
    else:
        _print_way_in(result)


@app.command()
def down(name: Name = DEFAULT_NAME) -> None:
    """End a sandbox and all that runs in it, and remove its directory."""
    typer.echo(f"{name} is down" if sandbox.down(name) else f"{name} was not up")


@app.command()
def status(
    name: Annotated[str, typer.Option("--name", "-n", help="Only this one.")] = "", output: Output = "text"
) -> None:
    """All sandboxes, or one, and how their parts are."""
    found = []
    for one in [name] if name else sandbox.names():
        known = state.load_if_any(one)
        if known is not None and known.alive:
            found.append((known, sandbox.status(one)))
        elif name:
            state.load(name)
    if output == "json":
        typer.echo(files.encode([{"state": known, "parts": parts} for known, parts in found]))
    else:
        for known, parts in found:
            _print_parts(known, parts)
            _print_way_in(known)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
)
def exec(context: typer.Context, name: Name = DEFAULT_NAME) -> None:  # noqa: A001 - the command's name
    """Run a command inside: `exec --name N -- kubectl get pods` (KUBECONFIG and TIDEGATE_NATS_URL are set)."""
    found = sandbox.load(name)
    command = context.args or [os.environ.get("SHELL", "/bin/sh")]
    os.environ["KUBECONFIG"] = str(found.kubeconfig_inside_path)
    os.environ["TIDEGATE_NATS_URL"] = found.nats_url_inside
    os.environ["PATH"] = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ.get('PATH', '')}"  # noqa: PTH120
    prefixed = sandbox.exec_command(found, command)
    os.execv(prefixed[0], prefixed)  # noqa: S606


@app.command()
def part(action: Action, part_name: str, name: Name = DEFAULT_NAME) -> None:
    """Do to a part: kill (comes back), halt (stays down), start, stop (freeze), cont (thaw), ready (wait for it)."""
    after = sandbox.part(name, action, part_name)
    typer.echo(f"{after.name} is {after.state}")


@app.command()
def logs(part_name: str, name: Name = DEFAULT_NAME) -> None:
    """Print a part's log."""
    file = sandbox.load(name).log_directory / f"{part_name}.log"
    if not file.is_file():
        raise SandboxError(f"there is no {file}")
    sys.stdout.write(file.read_text(encoding="utf-8", errors="replace"))


def _groups(text: str) -> list[str]:
    return [group.strip() for group in text.split(",") if group.strip()]


def _print_parts(known: SandboxState, parts: tuple[PartStatus, ...]) -> None:
    table = Table(title=f"sandbox {known.name} (process {known.init_pid})", title_justify="left")
    for heading in ("part", "state", "pid inside", "deaths", "last"):
        table.add_column(heading)
    for one in parts:
        table.add_row(one.name, one.state, str(one.pid or "-"), str(one.deaths), one.last_death)
    Console().print(table)


def _print_way_in(known: SandboxState) -> None:
    typer.echo(
        f"{known.name} was up after {known.up_after_s:.1f} s\n"
        f"  KUBECONFIG   {known.kubeconfig_path}\n"
        f"  NATS         {known.nats_url}\n"
        f"  Prometheus   {known.prometheus_url}\n"
        f"  proxy        {known.proxy_url}\n"
        f"  logs         {known.log_directory}\n"
        f"  run inside   python -m tidegate_sandbox exec --name {known.name} -- COMMAND"
    )
