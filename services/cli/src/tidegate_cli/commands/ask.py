"""`tidegate request`: checks a request, shows its plan, publishes it, and tells what became of it."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from tidegate_cli import answers, draw, requests
from tidegate_cli.bus import message_id
from tidegate_cli.commands.look import watched
from tidegate_cli.errors import CommandError, Exit
from tidegate_cli.session import Session, command
from tidegate_cli.stored import Events
from tidegate_contracts import subjects
from tidegate_contracts.decisions import RolloutAccepted, RolloutRejected
from tidegate_contracts.envelope import ID_LENGTH_MAX, rollout_id
from tidegate_contracts.plan import plan
from tidegate_contracts.rollout import RolloutRequested

FileOption = Annotated[Path, typer.Option("--file", "-f", help="The request, YAML or JSON; - reads standard input.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Check it and print its plan; publish nothing.")]
WatchOption = Annotated[bool, typer.Option("--watch", "-w", help="Watch the rollout to its end.")]
IdOption = Annotated[
    str,
    typer.Option("--id", help="The message's id: the same id again starts nothing again. Made up where left out."),
]


def register(app: typer.Typer) -> None:
    command(app)(request)


async def request(
    session: Session,
    file: FileOption,
    dry_run: DryRunOption = False,
    watch: WatchOption = False,
    id: IdOption = "",  # noqa: A002 - the option's name
) -> None:
    """Start a rollout: publish the request in FILE and wait for it to be accepted or rejected."""
    asked = requests.checked(file, session.settings.namespace)
    if dry_run:
        print_plan(session, asked)
        return
    identity = checked_id(id) or message_id()
    rollout = asked.rollout or rollout_id(identity)
    await _published(session, asked, identity, rollout)
    if watch:
        await watched(session, rollout)


def checked_id(given: str) -> str:
    if len(given) > ID_LENGTH_MAX or not given.isprintable():
        raise CommandError(Exit.USAGE, f"--id: at most {ID_LENGTH_MAX} printable characters")
    return given


def print_plan(session: Session, asked: RolloutRequested) -> None:
    """What a request means, for whoever wants to look before it is published."""
    steps, warnings = plan(asked), requests.warnings(asked)
    text = Group(draw.plan(asked, steps), *(Text(f"note: {warning}", style="yellow") for warning in warnings))
    session.printer.document({"request": asked, "plan": steps, "warnings": warnings}, text)


async def _published(session: Session, asked: RolloutRequested, identity: str, rollout: str) -> None:
    settings = session.settings
    subject = subjects.requests(settings.cluster, settings.namespace)
    # A request whose rollout's id is taken is answered under the id made from its message.
    answered_under = tuple({rollout: None, rollout_id(identity): None})
    async with session.bus() as bus:
        answer = await answers.say(bus, subject, asked, answered_under, id=identity, now_s=time.time())
        if answer.outcome == "known":
            answer = await _known(Events(bus), session, answered_under, identity)
    outcome: dict[str, Any] = {"rollout": rollout, "namespace": settings.namespace, "message_id": identity}
    match answer.decision:
        case RolloutAccepted() as accepted:
            supersedes = f", superseding {accepted.supersedes}" if accepted.supersedes else ""
            said = {**outcome, "outcome": "accepted", "supersedes": accepted.supersedes}
            session.printer.line(said, Text(f"rollout {rollout} accepted{supersedes}"))
        case RolloutRejected() as rejected:
            raise CommandError(Exit.REFUSED, f"rollout {rollout} was rejected", problems=rejected.problems)
        case _:
            raise _unanswered(rollout, answer)


async def _known(events: Events, session: Session, rollouts: tuple[str, ...], identity: str) -> answers.Answer:
    """What was decided on the message when it was published the first time."""
    settings = session.settings
    for rollout in rollouts:
        async for stored in events.read(subjects.find_rollout(settings.cluster, settings.namespace, rollout)):
            if isinstance(stored.event, RolloutAccepted | RolloutRejected) and stored.event.cause == identity:
                return answers.Answer(outcome="known", decision=stored.event)
    return answers.Answer(outcome="silent")


def _unanswered(rollout: str, answer: answers.Answer) -> CommandError:
    reasons = {
        "unheard": "this user may not hear the events, so whether it was accepted is unknown",
        "silent": "the orchestrator has not answered yet",
    }
    reason = reasons.get(answer.outcome, "the answer is not understood")
    remedy = f"Look with `tidegate show {rollout}`; if nothing answers, run `tidegate doctor`."
    return CommandError(Exit.UNKNOWN, f"the request for rollout {rollout} is stored; {reason}", remedy)
