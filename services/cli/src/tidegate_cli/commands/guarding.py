"""Guards: `tidegate guard` has what changes a workload's template rolled out, `unguard` no more, `guards` lists them.

A guard is one stored message for each workload; the workload-controller reads it. Nothing answers: what it leads to is
seen when the workload is changed, as a rollout like any other.
"""

import time
from collections.abc import Collection, Mapping
from typing import Annotated, Any

import typer
from nats.aio.msg import Msg
from rich.table import Table
from rich.text import Text

from tidegate_cli import answers, draw, requests
from tidegate_cli.bus import message_id
from tidegate_cli.commands.ask import FileOption
from tidegate_cli.commands.look import AllNamespaces, whole
from tidegate_cli.commands.steer import By, author
from tidegate_cli.errors import CommandError, Exit
from tidegate_cli.index import open_rollouts
from tidegate_cli.session import Session, command
from tidegate_cli.settings import Settings
from tidegate_cli.stored import Events
from tidegate_cli.views import RolloutView
from tidegate_contracts import codec, subjects
from tidegate_contracts.guards import Guard, GuardRemoved, GuardSet
from tidegate_contracts.topology import GUARDS
from tidegate_contracts.validate import validate_guard
from tidegate_contracts.workload import WorkloadKey, WorkloadReference

Name = Annotated[str, typer.Argument(metavar="NAME", help="The workload's name.")]
Kind = Annotated[str, typer.Option("--kind", help="The workload's kind.")]
ApiVersion = Annotated[str, typer.Option("--api-version", help="The kind's API version.")]


def register(app: typer.Typer) -> None:
    for coroutine in (guard, unguard, guards):
        command(app)(coroutine)


async def guard(session: Session, file: FileOption, by: By = "") -> None:
    """Have every change of a workload's pod template rolled out as FILE says: a request that names no change."""
    asked = requests.parse_guard(requests.read(file), str(file), author(by))
    requests.check_guard(asked, session.settings.namespace, str(file))
    await _publish(session, asked, "is guarded")


async def unguard(
    session: Session, name: Name, kind: Kind = "Deployment", api_version: ApiVersion = "apps/v1", by: By = ""
) -> None:
    """Leave a workload to itself again. A rollout that is under way goes on."""
    workload = WorkloadReference(name=name, kind=kind, api_version=api_version)
    removed = GuardRemoved(workload=workload, by=author(by))
    problems = validate_guard(removed, session.settings.namespace)
    if problems:
        raise CommandError(Exit.USAGE, f"{name} can't be a workload", problems=problems)
    await _publish(session, removed, "is guarded no more")


async def guards(session: Session, all_namespaces: AllNamespaces = False) -> None:
    """List the workloads that are guarded, with the rollout that each is under and what that waits for."""
    settings = session.settings
    namespace = None if all_namespaces else settings.namespace
    async with session.events() as stored:
        messages = stored.messages(GUARDS, subjects.guards_of(settings.cluster, namespace))
        found = [_read(message) async for message in messages]
        standing = dict(each for each in found if each is not None)
        under_way = await _under_way(stored, settings, namespace, standing)
    listed = [_listed(key, each, under_way.get(key)) for key, each in standing.items()]
    session.printer.document(listed, _table(standing, under_way))


async def _under_way(
    stored: Events, settings: Settings, namespace: str | None, standing: Collection[WorkloadKey]
) -> dict[WorkloadKey, RolloutView]:
    """The rollouts that hold guarded workloads now."""
    told = await stored.subjects(subjects.namespace_events(settings.cluster, namespace))
    found = [place for place in open_rollouts(told) if place[0] in standing]
    views = [(key, await whole(stored, settings, key.namespace, rollout)) for key, rollout in found]
    return {key: view for key, view in views if view.workload}


def _listed(key: WorkloadKey, guard: GuardSet, view: RolloutView | None) -> dict[str, Any]:
    rollout = {"id": view.rollout, "phase": view.phase, "paused": view.paused} if view is not None else None
    return {"namespace": key.namespace, "kind": key.kind, "name": key.name, "guard": guard, "rollout": rollout}


async def _publish(session: Session, said: Guard, became: str) -> None:
    settings = session.settings
    key = WorkloadKey.of(settings.cluster, settings.namespace, said.about)
    identity = message_id()
    async with session.bus() as bus:
        await answers.publish(bus, subjects.guard(key), said, id=identity, now_s=time.time())
    outcome = {"namespace": key.namespace, "kind": key.kind, "name": key.name, "message_id": identity}
    session.printer.line({**outcome, "outcome": became}, Text(f"{key.kind} {key.namespace}/{key.name} {became}"))


def _read(message: Msg) -> tuple[WorkloadKey, GuardSet] | None:
    """A guard that stands; None for one that was removed, or can't be understood, which the dead letters tell of."""
    try:
        key = subjects.parse_guard((message.headers or {})["Nats-Subject"])
        guard = codec.decode_guard(message.data)
    except ValueError:
        return None
    return (key, guard) if isinstance(guard, GuardSet) else None


def _table(standing: Mapping[WorkloadKey, GuardSet], under_way: Mapping[WorkloadKey, RolloutView]) -> Table:
    columns = ("namespace", "workload", "strategy", "steps", "by", "rollout", "waits for")
    table = Table(*columns, box=None, pad_edge=False)
    for key, each in standing.items():
        steps = ", ".join(str(step.replicas) for step in each.request.steps)
        view = under_way.get(key)
        rollout = (view.rollout, draw.waiting(view)) if view is not None else ("", "")
        table.add_row(key.namespace, f"{key.kind} {key.name}", each.request.style, steps, each.by, *map(Text, rollout))
    return table
