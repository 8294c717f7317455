"""Takes orders on the sandbox's unix socket: show the parts, kill, hold, freeze, thaw or start one.

`sandbox.part` and `sandbox.status` are the callers; one JSON line in, one JSON line out, then the connection ends.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.supervisor.keeper import Keeper
from tidegate_sandbox.supervisor.messages import Action, Answer, Order


async def listen(path: Path, keepers: Mapping[str, Keeper]) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await _answer(await reader.readline(), keepers)
            writer.write(msgspec.json.encode(answer) + b"\n")
            await writer.drain()
        except ConnectionError:
            # Who asked has gone; the order was carried out all the same.
            return
        finally:
            writer.close()

    return await asyncio.start_unix_server(serve, path=path)


async def _answer(line: bytes, keepers: Mapping[str, Keeper]) -> Answer:
    try:
        order = msgspec.json.decode(line, type=Order)
        if order.action is not None:
            await _carry_out(order.action, _keeper_of(order.part, keepers))
    except (msgspec.MsgspecError, SandboxError) as error:
        return Answer(error=str(error))
    return Answer(parts=tuple(keeper.status for keeper in keepers.values()))


def _keeper_of(part: str, keepers: Mapping[str, Keeper]) -> Keeper:
    if part not in keepers:
        raise SandboxError(f"no part is called {part!r}; there are: {', '.join(sorted(keepers))}")
    return keepers[part]


async def _carry_out(action: Action, keeper: Keeper) -> None:
    match action:
        case "kill":
            await keeper.kill(hold=False)
        case "halt":
            await keeper.kill(hold=True)
        case "start":
            await keeper.release()
        case "stop":
            await keeper.freeze()
        case "cont":
            keeper.thaw()
        case "ready":
            await keeper.wait_until_ready()
