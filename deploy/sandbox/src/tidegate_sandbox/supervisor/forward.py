"""Doors to the outside: connections to sockets that were opened before the namespace go to a port inside it.

Started by `__main__` for each inherited socket. Bytes only, so the API server's TLS stays end to end.
"""

import asyncio
import socket

from tidegate_sandbox.addresses import LOOPBACK

CHUNK_BYTES = 256 * 1024


async def open_door(descriptor: int, inner_port: int) -> asyncio.Server:
    """Forward what arrives at the inherited listening socket to a port on the inner loopback."""
    # While neither end is read (a half-closed or a slow client), the loop holds nothing of a connection: without this
    # the garbage collector takes it away.
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(serve(reader, writer))
        connections.add(connection)
        connection.add_done_callback(connections.discard)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, inner_port)
        except OSError:
            # The part is not there (yet): closing is what a client of a dead server sees.
            writer.close()
            return
        try:
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        finally:
            inner_writer.close()
            writer.close()

    return await asyncio.start_server(accept, sock=socket.socket(fileno=descriptor), limit=CHUNK_BYTES)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy until the source ends, then end the target's half too."""
    try:
        while chunk := await source.read(CHUNK_BYTES):
            target.write(chunk)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
    except OSError:
        # Either end was reset: the other one sees the end as well, not the reset.
        target.close()
