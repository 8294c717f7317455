"""A process that stands behind a Service and answers, as its version, what a request's header `x-release` says.

Started inside a sandbox, where its proxy can reach it: `python -m support.reading_process PORT`. Pods of the sandbox
don't read headers; the load counts answers by their version.
"""

import asyncio
import sys
from typing import Final

HEADER: Final = b"x-release"
UNMARKED: Final = "unmarked"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Every request of a connection; none has a body."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = (line.partition(b":") for line in head.split(b"\r\n"))
            marks = [value.strip() for name, _, value in lines if name.lower() == HEADER]
            version = marks[0] if marks else UNMARKED.encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-version: " + version + b"\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(port: str) -> None:
    server = await asyncio.start_server(answer, "0.0.0.0", int(port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
