"""The programs in README.md, docs/events.md and docs/verdicts.md do what the pages say, on a real bus."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest
from scripted_orchestrator import ScriptedOrchestrator
from support.nats import NatsServer
from support.until import until
from tidegate_command import Tidegate

from tidegate_chassis import reading
from tidegate_contracts import signing, subjects
from tidegate_contracts.codec import decode_verdict
from tidegate_contracts.topology import VERDICTS

pytestmark = pytest.mark.nats

ROOT = Path(__file__).parents[3]


def programs(bus: NatsServer, page: str = "docs/events.md") -> list[str]:
    blocks: list[str] = re.findall(r"```python\n(.+?)```", (ROOT / page).read_text(), re.DOTALL)
    return [block.replace("nats://127.0.0.1:4222", bus.url) for block in blocks]


async def run(program: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=os.environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


@pytest.mark.parametrize("page", ["README.md", "docs/events.md"])
async def test_five_lines_of_python_start_a_rollout(
    bus: NatsServer, orchestrator: ScriptedOrchestrator, page: str
) -> None:
    said = await run(programs(bus, page)[0])
    assert "stream='TIDEGATE_REQUESTS'" in said
    await until(lambda: orchestrator.revision == 1, what="the rollout to be accepted")


async def test_the_audit_program_reads_everything(
    bus: NatsServer, orchestrator: ScriptedOrchestrator, tidegate: Tidegate
) -> None:
    assert await run(programs(bus)[1]) == ""
    await run(programs(bus)[0])
    await until(lambda: orchestrator.revision == 1, what="the rollout to be accepted")
    (line,) = (await run(programs(bus)[1])).splitlines()
    assert line.startswith("1 rollout.accepted.v1 tidegate.events.default.default.deployment_apps.web.r-")


async def test_the_program_that_signs_a_verdict(bus: NatsServer, tmp_path: Path) -> None:
    key = tmp_path / "ci"
    key.write_text("k" * 40)
    (program,) = programs(bus, "docs/verdicts.md")
    assert "stream='TIDEGATE_VERDICTS'" in await run(program.replace("/run/secrets/ci", str(key)))
    async with bus.connected("metrics-analyzer") as connection:
        (message,) = await reading.many(
            connection, VERDICTS, subjects.verdict("default", "default", "web-1", "acceptance-tests")
        )
    assert decode_verdict(message.payload).verdict == "pass"
    assert message.headers[signing.KEY] == "ci"
    assert signing.is_signature(message.headers[signing.SIGNATURE], "k" * 40, message.subject, message.payload)
