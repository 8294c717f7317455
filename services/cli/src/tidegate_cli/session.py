"""From a coroutine to a command: adds the common options, runs it, and turns every end into an exit code.

Each command module registers its coroutines with `command(app)`; its first parameter is the `Session`.
"""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import typer

from tidegate_cli import output
from tidegate_cli.bus import Bus, open_bus
from tidegate_cli.errors import CommandError, Exit
from tidegate_cli.settings import OPTIONS, Settings
from tidegate_cli.stored import Events
from tidegate_contracts import names

_Coroutine = Callable[..., Awaitable[None]]
INTERRUPTED: Final = 130


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What a command works with."""

    settings: Settings
    printer: output.Printer

    @asynccontextmanager
    async def bus(self) -> AsyncIterator[Bus]:
        async with open_bus(self.settings) as bus:
            yield bus

    @asynccontextmanager
    async def events(self) -> AsyncIterator[Events]:
        async with open_bus(self.settings) as bus:
            yield Events(bus)


def command(app: typer.Typer, name: str | None = None) -> Callable[[_Coroutine], _Coroutine]:
    """Registers a coroutine as a command with the common options behind its own."""

    def register(coroutine: _Coroutine) -> _Coroutine:
        app.command(name)(_synchronous(coroutine))
        return coroutine

    return register


def _synchronous(coroutine: _Coroutine) -> Callable[..., None]:
    own = list(inspect.signature(coroutine, eval_str=True).parameters.values())[1:]

    @functools.wraps(coroutine)
    def run(**arguments: Any) -> None:
        settings = Settings(**{option: arguments.pop(option) for option in OPTIONS})
        session = Session(settings=settings, printer=output.Printer(settings.output))
        raise typer.Exit(_ended(session, coroutine, arguments))

    common = [
        inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for option, (annotation, default) in OPTIONS.items()
    ]
    keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    run.__signature__ = inspect.Signature([*keyword_only, *common])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *common]}
    return run


def _ended(session: Session, coroutine: _Coroutine, arguments: dict[str, Any]) -> int:
    try:
        _check_names(session.settings)
        asyncio.run(_awaited(coroutine(session, **arguments)))
    except CommandError as error:
        session.printer.error(error)
        return error.code
    except KeyboardInterrupt:
        return INTERRUPTED
    return Exit.DONE


async def _awaited(running: Awaitable[None]) -> None:
    await running


def _check_names(settings: Settings) -> None:
    """Names become tokens of subjects, so they are checked before anything is said."""
    for option, name in (("--cluster", settings.cluster), ("--namespace", settings.namespace)):
        if not names.is_label(name):
            raise CommandError(Exit.USAGE, f"{option}: {name!r} is not {names.LABEL_RULE}")
