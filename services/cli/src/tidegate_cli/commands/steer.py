"""The controls: what a person tells a running rollout, and the answer to it."""

import getpass
import time
from typing import Annotated, Any

import typer
from rich.text import Text

from tidegate_cli import answers, requests
from tidegate_cli.bus import message_id
from tidegate_cli.commands.ask import DryRunOption, FileOption, print_plan
from tidegate_cli.commands.look import known
from tidegate_cli.errors import CommandError, Exit
from tidegate_cli.session import Session, command
from tidegate_cli.stored import Events
from tidegate_contracts import controls, subjects
from tidegate_contracts.codec import tag_of
from tidegate_contracts.decisions import ControlRefused
from tidegate_contracts.problem import Problem
from tidegate_contracts.rollout import RollbackPace
from tidegate_contracts.validate import validate_control

Rollout = Annotated[str, typer.Argument(metavar="ID", help="The rollout's id.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
By = Annotated[str, typer.Option("--by", help="Who, for the record; your user name where left out.")]
OnlyStep = Annotated[int | None, typer.Option("--step", help="Approve only this step.")]
Pace = Annotated[
    RollbackPace | None, typer.Option("--pace", help="How pods go back; as the request says where left out.")
]
ToStep = Annotated[int, typer.Option("--step", help="The step to go to.")]


def register(app: typer.Typer) -> None:
    for coroutine in (approve, pause, resume, jump, replan, retry, rollback, cancel):
        command(app)(coroutine)


async def approve(session: Session, rollout: Rollout, step: OnlyStep = None, reason: Reason = "", by: By = "") -> None:
    """End the pause that a rollout waits in."""
    await _say(session, rollout, controls.Approve(step=step, by=author(by), reason=reason))


async def pause(session: Session, rollout: Rollout, reason: Reason = "", by: By = "") -> None:
    """Hold a rollout where it is."""
    await _say(session, rollout, controls.Pause(by=author(by), reason=reason))


async def resume(session: Session, rollout: Rollout, reason: Reason = "", by: By = "") -> None:
    """Let a paused rollout go on."""
    await _say(session, rollout, controls.Resume(by=author(by), reason=reason))


async def jump(session: Session, rollout: Rollout, step: ToStep, reason: Reason = "", by: By = "") -> None:
    """Go to another step."""
    await _say(session, rollout, controls.JumpToStep(step=step, by=author(by), reason=reason))


async def retry(session: Session, rollout: Rollout, reason: Reason = "", by: By = "") -> None:
    """Do the present step again, after the cause of a failure was mended."""
    await _say(session, rollout, controls.Retry(by=author(by), reason=reason))


async def rollback(session: Session, rollout: Rollout, pace: Pace = None, reason: Reason = "", by: By = "") -> None:
    """Go back to the stable version: traffic first, then pods."""
    await _say(session, rollout, controls.RollBack(pace=pace, by=author(by), reason=reason))


async def cancel(session: Session, rollout: Rollout, reason: Reason = "", by: By = "") -> None:
    """Let go: routes as they were, the workload left to its own strategy with the template it has."""
    await _say(session, rollout, controls.Cancel(by=author(by), reason=reason))


async def replan(  # noqa: PLR0917 - the command line names each
    session: Session,
    rollout: Rollout,
    file: FileOption,
    dry_run: DryRunOption = False,
    reason: Reason = "",
    by: By = "",
) -> None:
    """Go on by another plan: FILE is the request as it should read from now on."""
    wanted = requests.checked(file, session.settings.namespace)
    if dry_run:
        print_plan(session, wanted)
        return
    await _say(session, rollout, controls.Replan(request=wanted, by=author(by), reason=reason))


def author(given: str) -> str:
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


async def _say(session: Session, rollout: str, control: controls.Control) -> None:
    settings = session.settings
    if problems := validate_control(control, settings.namespace):
        raise CommandError(Exit.REFUSED, "the control can't be sent as it is", problems=problems)
    async with session.bus() as bus:
        await _check_rollout(session, Events(bus), rollout)
        subject = subjects.controls(settings.cluster, settings.namespace, rollout)
        answer = await answers.say(bus, subject, control, (rollout,), id=message_id(), now_s=time.time())
    _report(session, rollout, control, answer)


async def _check_rollout(session: Session, events: Events, rollout: str) -> None:
    """That it exists and has not ended, as far as this user may know."""
    try:
        view = await known(session, events, rollout)
    except CommandError as error:
        if error.code is Exit.NOT_PERMITTED:
            return
        raise
    if view.ended:
        problem = Problem(
            field="rollout", value=rollout, rule="a rollout that has not ended", remedy="Publish a new request."
        )
        raise CommandError(Exit.REFUSED, f"rollout {rollout} has ended: {view.phase}", problems=(problem,))


def _report(session: Session, rollout: str, control: controls.Control, answer: answers.Answer) -> None:
    said: dict[str, Any] = {"rollout": rollout, "control": tag_of(control)}
    decision = answer.decision
    if isinstance(decision, ControlRefused):
        problems = decision.problems or (decision.problem,)
        raise CommandError(Exit.REFUSED, f"rollout {rollout} refused it", problems=problems)
    if decision is None:
        reason = "this user may not hear the answer" if answer.outcome == "unheard" else "no answer has come yet"
        remedy = f"Look with `tidegate show {rollout}`; if nothing answers, run `tidegate doctor`."
        raise CommandError(Exit.UNKNOWN, f"the control is stored; {reason}", remedy)
    tag = tag_of(decision)
    session.printer.line({**said, "decision": tag, "revision": decision.revision}, Text(f"rollout {rollout}: {tag}"))
