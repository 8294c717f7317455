"""Looking on: `list`, `show`, `watch`, `history` and `events`. Nothing here is said on the bus."""

import datetime as dt
import re
import time
from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
import typer
from nats.aio.msg import Msg
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tidegate_cli import describe, draw
from tidegate_cli.bus import Bus
from tidegate_cli.errors import CommandError, Exit, not_found
from tidegate_cli.index import open_rollouts
from tidegate_cli.projection import apply, project
from tidegate_cli.session import Session, command
from tidegate_cli.settings import Settings
from tidegate_cli.stored import Events, StoredEvent
from tidegate_cli.views import RolloutView
from tidegate_contracts import names, subjects
from tidegate_contracts.codec import telemetry_decoder

Rollout = Annotated[str, typer.Argument(metavar="ID", help="The rollout's id.")]
AllNamespaces = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Look in every namespace.")]
Since = Annotated[str, typer.Option("--since", help="How far back, such as 30m, 24h or 7d.")]
All = Annotated[bool, typer.Option("--all", help="Every rollout that ever was.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with each new event, for ever.")]
OneRollout = Annotated[str, typer.Option("--rollout", help="Only this rollout's.")]

_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
REFRESHES_PER_S: Final = 8


def register(app: typer.Typer) -> None:
    command(app, "list")(list_rollouts)
    for coroutine in (show, watch, history, events):
        command(app)(coroutine)


async def list_rollouts(
    session: Session,
    all_namespaces: AllNamespaces = False,
    since: Since = "24h",
    all: All = False,  # noqa: A002 - the option's name
) -> None:
    """List the rollouts that go on, and those that ended lately."""
    settings = session.settings
    subject_filter = subjects.namespace_events(settings.cluster, None if all_namespaces else settings.namespace)
    start = None if all else _since(since)
    async with session.events() as stored:
        views = await _recent(stored, subject_filter, start)
        for key, rollout in open_rollouts(await stored.subjects(subject_filter)):
            if (key.namespace, rollout) not in views or not views[key.namespace, rollout].workload:
                views[key.namespace, rollout] = await whole(stored, settings, key.namespace, rollout)
    ordered = sorted(views.values(), key=lambda view: (view.ended, -(view.accepted_at_s or view.last_event_at_s or 0)))
    session.printer.document(ordered, draw.listing(ordered, time.time(), namespaces=all_namespaces))


async def _recent(stored: Events, subject_filter: str, start: dt.datetime | None) -> dict[tuple[str, str], RolloutView]:
    views: dict[tuple[str, str], RolloutView] = {}
    async for event in stored.read(subject_filter, since=start):
        if event.parsed is not None and event.event is not None:
            place = (event.parsed.key.namespace, event.parsed.rollout)
            views[place] = apply(views.get(place) or _empty(event), event.event)
    return views


def _empty(event: StoredEvent) -> RolloutView:
    assert event.parsed is not None, "the caller looked"
    key = event.parsed.key
    return RolloutView(rollout=event.parsed.rollout, cluster=key.cluster, namespace=key.namespace)


async def whole(stored: Events, settings: Settings, namespace: str, rollout: str) -> RolloutView:
    """One rollout, from all of its events."""
    found = stored.read(subjects.find_rollout_events(settings.cluster, namespace, rollout))
    messages = [event.event async for event in found if event.event is not None]
    return project(messages, RolloutView(rollout=rollout, cluster=settings.cluster, namespace=namespace))


async def known(session: Session, stored: Events, rollout: str) -> RolloutView:
    """The rollout, or the error that there is none."""
    view = await whole(stored, session.settings, session.settings.namespace, _name(rollout))
    if view.phase == "unknown":
        raise not_found(rollout, session.settings.where)
    return view


def _name(rollout: str) -> str:
    try:
        names.to_token(rollout)
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"ID: {error}") from error
    return rollout


async def show(session: Session, rollout: Rollout) -> None:
    """Show one rollout: its steps, pods, traffic and verdicts, and what it waits for."""
    async with session.events() as stored:
        view = await known(session, stored, rollout)
    session.printer.document(view, draw.rollout(view))


async def watch(session: Session, rollout: Rollout) -> None:
    """Watch a rollout to its end; the exit code says whether it completed."""
    await watched(session, rollout)


async def watched(session: Session, rollout: str) -> None:
    async with session.bus() as bus:
        view = await known(session, Events(bus), rollout)
        if session.printer.is_json:
            async for latest in _states(bus, view):
                view = latest
                session.printer.line(view, "")
        else:
            with Live(draw.rollout(view), console=session.printer.console, refresh_per_second=REFRESHES_PER_S) as live:
                async for latest in _states(bus, view):
                    view = latest
                    live.update(draw.rollout(view))
    if view.phase != "completed":
        raise CommandError(Exit.ENDED_OTHERWISE, f"rollout {rollout} ended: {view.phase}; {draw.waiting(view)}")


async def _states(bus: Bus, view: RolloutView) -> AsyncIterator[RolloutView]:
    """The rollout's state now and after each change, until it has ended. Telemetry is shown where it may be heard."""
    settings, latest = bus.settings, view

    async def observe(message: Msg) -> None:
        nonlocal latest
        try:
            latest = apply(latest, telemetry_decoder.decode(message.data))
        except msgspec.DecodeError:
            return

    try:
        await bus.subscribe(
            subjects.find_rollout_telemetry(settings.cluster, settings.namespace, view.rollout), observe
        )
    except CommandError as error:
        if error.code is not Exit.NOT_PERMITTED:
            raise
    latest = RolloutView(rollout=view.rollout, cluster=settings.cluster, namespace=settings.namespace)
    subject_filter = subjects.find_rollout_events(settings.cluster, settings.namespace, view.rollout)
    async for stored in Events(bus).follow(subject_filter):
        if stored.event is not None:
            latest = apply(latest, stored.event)
            yield latest
        if latest.ended:
            return


async def history(session: Session, rollout: Rollout) -> None:
    """Print every event of a rollout, in order."""
    settings = session.settings
    async with session.events() as stored:
        subject_filter = subjects.find_rollout_events(settings.cluster, settings.namespace, _name(rollout))
        found = [event async for event in stored.read(subject_filter)]
    if not found:
        raise not_found(rollout, settings.where)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ["SEQUENCE", "TIME", "SERVICE", "EVENT", "DETAIL"]:
        table.add_column(column, no_wrap=column != "DETAIL")
    for event in found:
        service, type_ = (event.parsed.service, event.parsed.type) if event.parsed else ("?", "?")
        table.add_row(str(event.sequence), event.stored_at[:23], service, type_, Text(describe.detail(event)))
    session.printer.document([describe.cloud_event(event) for event in found], table)


async def events(
    session: Session,
    follow: Follow = False,
    since: Since = "",
    all_namespaces: AllNamespaces = False,
    rollout: OneRollout = "",
) -> None:
    """Print events as they happened, one a line: those since a time, or with --follow the new ones."""
    settings = session.settings
    subject_filter = (
        subjects.find_rollout_events(settings.cluster, settings.namespace, _name(rollout))
        if rollout
        else subjects.namespace_events(settings.cluster, None if all_namespaces else settings.namespace)
    )
    async with session.events() as stored:
        last = await stored.last_sequence() if follow else 0
        if since or not follow:
            async for event in stored.read(subject_filter, since=_since(since or "1h")):
                _print_event(session, event)
                last = max(last, event.sequence)
        if follow:
            async for event in stored.follow(subject_filter, after=last):
                _print_event(session, event)


def _print_event(session: Session, event: StoredEvent) -> None:
    parsed = event.parsed
    where = (
        f"{parsed.key.namespace}/{parsed.key.name} {parsed.rollout} {parsed.service} {parsed.type}" if parsed else "?"
    )
    text = Text.assemble((event.stored_at[:23], "dim"), " ", where, " ", (describe.detail(event), "dim"))
    session.printer.line(describe.cloud_event(event), text)


def _since(text: str) -> dt.datetime:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise CommandError(Exit.USAGE, f"--since: {text!r} is no duration such as 30m, 24h or 7d")
    seconds = int(found.group(1)) * _UNIT_S[found.group(2)]
    return dt.datetime.now(tz=dt.UTC) - dt.timedelta(seconds=seconds)
