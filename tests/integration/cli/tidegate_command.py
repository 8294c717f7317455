"""Runs the command as a user would: in a process of its own, or, to save its start, only in a thread."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from support.nats import password
from typer.testing import CliRunner

from tidegate_cli.app import app


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Tidegate = Callable[..., Awaitable[Ended]]


def environment(url: str, user: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    settings = {"TIDEGATE_NATS_URL": url, "TIDEGATE_NATS_USER": user, "TIDEGATE_NATS_PASSWORD": password(user)}
    return {**clean, **settings, "COLUMNS": "200", "NO_COLOR": "1"}


def in_a_thread(arguments: tuple[str, ...], environment: dict[str, str], given: str) -> Ended:
    result = CliRunner().invoke(app, arguments, input=given, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


async def in_a_process(arguments: tuple[str, ...], environment: dict[str, str], given: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tidegate_cli", *arguments),
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(given.encode())
    assert process.returncode is not None
    assert "Traceback" not in err.decode()
    return Ended(process.returncode, out.decode(), err.decode())


REQUEST = {"workload": {"name": "web"}, "rollout": "web-1", "steps": [{"replicas": "20%", "pause": {}}]}
