"""A Squad as the conformance kit of tests/integration/kinds plays it, and the world that it lives in there.

The kit knows nothing of the plugin: only how a Squad is written, and how its pods tell which template they run.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from support.kinds import Kind
from support.sandbox import kubectl
from support.squad_controller import running

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_sandbox.state import SandboxState

HERE: Final = Path(__file__).parent


@asynccontextmanager
async def third_party(sandbox: SandboxState) -> AsyncIterator[None]:
    """The CRD with the rights on it, and somebody in the part of its controller."""
    for file in ("crd.yaml", "rights.yaml"):
        await asyncio.to_thread(kubectl, sandbox, "apply", "-f", str(HERE / file))
    established = ("wait", "--for=condition=Established", "crd/squads.squads.example.com", "--timeout=30s")
    await asyncio.to_thread(kubectl, sandbox, *established)
    async with running(sandbox):
        yield


SQUAD: Final = Kind(
    "squad",
    Resource("squads.example.com", "v1", "squads", "Squad"),
    revision_label="squads.example.com/template",
    around=third_party,
    min_ready=None,
    tells_refused_pods=False,
)
