"""The body of an answer, with a limit on its size. Called by `door`, and by the Prometheus provider."""

from typing import Final

import aiohttp

from tidegate_metrics_analyzer.question import Unanswered, Unusable

BODY_BYTES_MAX: Final = 1024 * 1024


async def read_body(answer: aiohttp.ClientResponse) -> bytes | Unusable:
    """As it was sent: what is packed could be without end once it is unpacked."""
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        return Unanswered("the answer is compressed, which was not asked for")
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            answer.close()
            return Unanswered(f"the answer is larger than {BODY_BYTES_MAX} bytes: aggregate in the query")
    return bytes(body)
