"""`tidegate verdict`: what somebody outside finds of a step or a rollout, signed where there is a key."""

import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from tidegate_cli import answers
from tidegate_cli.bus import message_id
from tidegate_cli.commands.ask import checked_id
from tidegate_cli.commands.look import known
from tidegate_cli.commands.steer import By, Rollout, author
from tidegate_cli.errors import CommandError, Exit
from tidegate_cli.session import Session, command
from tidegate_cli.stored import Events
from tidegate_cli.views import RolloutView
from tidegate_contracts import names, signing, subjects
from tidegate_contracts.codec import encode
from tidegate_contracts.outside import VerdictWord
from tidegate_contracts.problem import Problem
from tidegate_contracts.validate_outside import validate_verdict
from tidegate_contracts.verdicts import VerdictGiven

Word = Annotated[VerdictWord, typer.Argument(metavar="VERDICT", help="pass, fail or inconclusive.")]
CheckName = Annotated[str, typer.Option("--check", help="The name under which an analysis waits for it.")]
Why = Annotated[str, typer.Option("--reason", help="What was found, on one line.")]
Step = Annotated[int | None, typer.Option("--step", help="Only for this step; for whichever waits where left out.")]
Link = Annotated[str, typer.Option("--link", help="The address of a report.")]
Figures = Annotated[
    list[str] | None, typer.Option("--figure", metavar="NAME=NUMBER", help="A number behind it; may be repeated.")
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", help="Sign it with the key in this file.", envvar="TIDEGATE_VERDICT_KEY_FILE"),
]
KeyName = Annotated[
    str, typer.Option("--key", help="The key's name; the file's where left out.", envvar="TIDEGATE_VERDICT_KEY")
]
Id = Annotated[str, typer.Option("--id", help="The message's id: the same id is stored once. Made up where left out.")]
KEY_BYTES_MAX: Final = 8192


def register(app: typer.Typer) -> None:
    command(app)(verdict)


async def verdict(  # noqa: PLR0917 - the command line names each
    session: Session,
    rollout: Rollout,
    verdict: Word,
    check: CheckName,
    reason: Why,
    step: Step = None,
    by: By = "",
    link: Link = "",
    figure: Figures = None,
    key_file: KeyFile = None,
    key: KeyName = "",
    id: Id = "",  # noqa: A002 - the option's name
) -> None:
    """Give a verdict on a step, or on a whole rollout, that waits for one from outside."""
    now_s = time.time()
    given = VerdictGiven(
        verdict=verdict,
        reason=reason,
        step=step,
        by=author(by),
        issued_at_s=now_s,
        link=link,
        figures=_figures(figure or []),
    )
    if problems := validate_verdict(given):
        raise CommandError(Exit.REFUSED, "the verdict can't be given as it is", problems=problems)
    for option, name in (("ID", rollout), ("--check", check)):
        if not names.is_label(name):
            raise CommandError(Exit.USAGE, f"{option}: {name!r} is not {names.LABEL_RULE}")
    settings = session.settings
    subject = subjects.verdict(settings.cluster, settings.namespace, rollout, check)
    signed = _signature(key, key_file, subject, encode(given)) if key_file is not None else {}
    identity = checked_id(id) or message_id()
    async with session.bus() as bus:
        await _check_awaited(session, Events(bus), rollout, check)
        is_new = await answers.publish(bus, subject, given, id=identity, now_s=now_s, more=signed)
    said = {"rollout": rollout, "check": check, "verdict": verdict, "step": step, "message_id": identity}
    outcome = "stored" if is_new else "stored before"
    session.printer.line({**said, "outcome": outcome}, Text(f"{check}: {verdict} for rollout {rollout} {outcome}"))


async def _check_awaited(session: Session, events: Events, rollout: str, check: str) -> None:
    """That somebody waits for it, as far as this user may know."""
    try:
        view = await known(session, events, rollout)
    except CommandError as error:
        if error.code is Exit.NOT_PERMITTED:
            return
        raise
    problem = _fault(view, check)
    if problem is not None:
        raise CommandError(Exit.REFUSED, f"nobody waits for this verdict on rollout {rollout}", problems=(problem,))


def _fault(view: RolloutView, check: str) -> Problem | None:
    if view.ended:
        rule, remedy = f"one that has not ended ({view.phase})", "Publish a new request."
        return Problem(field="rollout", value=view.rollout, rule=rule, remedy=remedy)
    if view.request is None:
        return None
    awaited = {one.name for _, analysis in view.request.analyses for one in analysis.verdicts}
    if check in awaited:
        return None
    rule = f"one of the verdicts that its analyses wait for ({', '.join(sorted(awaited)) or 'there is none'})"
    return Problem(field="check", value=check, rule=rule, remedy="Name one of these, or have it in the next request.")


def _figures(given: list[str]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for text in given:
        name, _, number = text.partition("=")
        try:
            figures[name] = float(number)
        except ValueError as error:
            raise CommandError(Exit.USAGE, f"--figure: {text!r} is not NAME=NUMBER") from error
    return figures


def _signature(name: str, file: Path, subject: str, payload: bytes) -> dict[str, str]:
    try:
        with file.open("rb") as opened:
            key = opened.read(KEY_BYTES_MAX + 1).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(Exit.USAGE, f"--key-file: {file} can't be read: {type(error).__name__}") from error
    if not signing.KEY_LENGTH_MIN <= len(key) <= KEY_BYTES_MAX:
        rule = f"{signing.KEY_LENGTH_MIN} to {KEY_BYTES_MAX} characters"
        raise CommandError(Exit.USAGE, f"--key-file: a key has {rule}")
    named = name or file.name
    if not names.is_label(named):
        raise CommandError(Exit.USAGE, f"--key: {named!r} is not {names.LABEL_RULE}")
    return signing.headers(named, key, subject, payload)
