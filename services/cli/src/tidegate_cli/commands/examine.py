"""`tidegate doctor`: what is reachable, what is missing, and how to mend it."""

from typing import Annotated

import typer

from tidegate_cli import doctor_bus, doctor_kubernetes, findings
from tidegate_cli.errors import CommandError, Exit
from tidegate_cli.findings import Finding
from tidegate_cli.session import Session, command

Kubeconfig = Annotated[
    str,
    typer.Option("--kubeconfig", envvar="TIDEGATE_KUBECONFIG", help="Examine this cluster, too (needs kubectl)."),
]


def register(app: typer.Typer) -> None:
    command(app)(doctor)


async def doctor(session: Session, kubeconfig: Kubeconfig = "") -> None:
    """Say what is reachable, what is missing (a permission, a stream, a listener), and how to mend it."""
    found = await _bus(session)
    if kubeconfig:
        found += [finding async for finding in doctor_kubernetes.examine(kubeconfig, session.settings.namespace)]
    session.printer.document({"findings": found}, findings.table(found))
    faults = sum(finding.state == "fault" for finding in found)
    if faults:
        raise typer.Exit(Exit.FAULTS_FOUND)


async def _bus(session: Session) -> list[Finding]:
    found: list[Finding] = []
    try:
        async with session.bus() as bus:
            async for finding in doctor_bus.examine(bus):
                found.append(finding)  # noqa: PERF401 - what was found before a failure is kept
    except CommandError as error:
        found.append(findings.fault("NATS", error.message, error.remedy))
    return found
