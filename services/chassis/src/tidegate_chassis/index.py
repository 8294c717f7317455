"""Which subjects of a stream hold a message: an index of what there is that needs no message read.

Used by the orchestrator's sweep to find every rollout that was ever accepted.
"""

from tidegate_chassis import jetstream
from tidegate_chassis.connection import Connection


async def subjects(connection: Connection, stream: str, subject_filter: str) -> list[str]:
    """All of them, page by page; raises `Transient` where the stream can't be looked at now."""
    found: list[str] = []
    while True:
        question = {"subjects_filter": subject_filter, "offset": len(found)}
        answer = await jetstream.api(connection, f"STREAM.INFO.{stream}", question)
        error = jetstream.api_error(answer)
        if error is not None:
            raise error.as_error(f"{stream} could not be looked at")
        page = answer["state"].get("subjects") or {}
        found.extend(page)
        if not page or len(found) >= answer.get("total", 0):
            return found
