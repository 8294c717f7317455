"""Looks at a durable consumer before it is pulled from: is it there, and is it the one that the topology says?

Called by `pull`. The server gives a durable whatever filter it was first made with, and delivers the wrong messages
without a word; so a difference ends the service. Declaring and changing consumers is the deploy job's (`topology`).
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog

from tidegate_chassis import jetstream
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import Permanent, Transient, UnknownOutcome
from tidegate_contracts.topology import Consumer

LOOK_WAIT_S: Final = 0.5
GONE_AFTER_LOOKS: Final = 6
"""A starting server says `not found` for a moment; one that says so for three seconds means it."""
REMEDY: Final = "Run `python -m tidegate_chassis.topology declare`."
_NANOSECONDS: Final = 1_000_000_000
_MISSING: Final = (jetstream.CONSUMER_NOT_FOUND, jetstream.STREAM_NOT_FOUND)

_log = structlog.get_logger(__name__)


async def verified(
    connection: Connection,
    consumer: Consumer,
    *,
    was_there: bool,
    waiting: Callable[[str], None],
    stopping: Callable[[], bool],
) -> None:
    """Returns when the consumer is there and as it should be, or when its puller stops.

    Raises:
        Permanent: it differs, or it was there and is gone.
    """
    looks = 0
    while not stopping():
        try:
            answer = await jetstream.api(connection, f"CONSUMER.INFO.{consumer.stream}.{consumer.name}")
        except (Transient, UnknownOutcome) as error:
            waiting(error.reason)
            await asyncio.sleep(LOOK_WAIT_S)
            continue
        error_answer = jetstream.api_error(answer)
        if error_answer is None:
            _compare(consumer, answer["config"])
            return
        looks += 1
        reason = f"consumer {consumer.name} of {consumer.stream}: {error_answer.description}"
        if was_there and looks >= GONE_AFTER_LOOKS and error_answer.err_code in _MISSING:
            raise Permanent(f"{reason}; it was deleted under us", code="consumer-gone", remedy=REMEDY)
        if looks % GONE_AFTER_LOOKS == 1:
            _log.warning("waiting for a consumer", reason=reason, remedy=REMEDY)
        waiting(f"{reason}. {REMEDY}")
        await asyncio.sleep(LOOK_WAIT_S)


def _compare(consumer: Consumer, config: dict[str, Any]) -> None:
    found = {
        "filters": tuple(config.get("filter_subjects") or [config.get("filter_subject", "")]),
        "ack_wait_s": config.get("ack_wait", 0) / _NANOSECONDS,
        "ack_policy": config.get("ack_policy"),
    }
    wanted = {"filters": consumer.filters, "ack_wait_s": consumer.ack_wait_s, "ack_policy": "explicit"}
    for name, value in wanted.items():
        if found[name] != value:
            raise Permanent(
                f"consumer {consumer.name} has {name} {found[name]!r}",
                code="consumer-drift",
                field=name,
                value=repr(found[name]),
                rule=repr(value),
                remedy=REMEDY,
            )
