"""What is wrong with the bus: reachable, permitted, declared as `topology` says, and listened to by the services.

Nothing is stored by looking: the rights to publish are tried with a message that names a stream which is not there, so
that the server checks the right and then refuses the message. Called by `commands.examine`.
"""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import nats.errors
from nats.js.api import Header

from tidegate_cli.bus import Bus
from tidegate_cli.errors import CommandError, Exit
from tidegate_cli.findings import Finding, fault, good, warning
from tidegate_cli.stored import Events
from tidegate_contracts import subjects, topology
from tidegate_contracts.topology import Consumer, Stream

DECLARE: Final = "Run `python -m tidegate_chassis.topology declare` as the user deploy."
MEBIBYTE: Final = 1024 * 1024
FULL_SHARE: Final = 0.7
VERSION_MIN: Final = (2, 14)
NANOSECONDS: Final = 1_000_000_000
_NOT_A_STREAM: Final = "TIDEGATE_DOCTOR_STORES_NOTHING"


async def examine(bus: Bus) -> AsyncIterator[Finding]:
    yield _server(bus)
    settings = bus.settings
    for about, subject in (
        ("requests", subjects.requests(settings.cluster, settings.namespace)),
        ("controls", subjects.controls(settings.cluster, settings.namespace, "doctor")),
    ):
        yield await _may_publish(bus, about, subject)
    yield await _may_hear(bus, subjects.namespace_events(settings.cluster, settings.namespace))
    events = Events(bus)
    try:
        await events.api()
    except CommandError as error:
        remedy = (
            "Ask as the user operator to examine the streams, too." if error.code is Exit.NOT_PERMITTED else DECLARE
        )
        make = warning if error.code is Exit.NOT_PERMITTED else fault
        yield make("history", error.message, remedy)
        return
    yield good("history", "stored events can be read")
    async for finding in _declared(bus, events):
        yield finding


def _server(bus: Bus) -> Finding:
    version = bus.client.connected_server_version
    detail = f"{bus.settings.server} answers, version {version.major}.{version.minor}.{version.patch}"
    if (version.major, version.minor) < VERSION_MIN:
        return fault("NATS", detail, f"Tidegate needs {'.'.join(map(str, VERSION_MIN))} or newer: update the server.")
    return good("NATS", detail)


async def _may_publish(bus: Bus, about: str, subject: str) -> Finding:
    headers = {Header.EXPECTED_STREAM.value: _NOT_A_STREAM}
    try:
        reply = await bus.allowed(
            subject, bus.client.request(subject, b"", timeout=bus.settings.timeout_s, headers=headers)
        )
    except CommandError as error:
        return fault(about, error.message, error.remedy)
    except nats.errors.NoRespondersError:
        return fault(about, f"no stream takes {subject}", DECLARE)
    except (TimeoutError, nats.errors.Error):
        return fault(
            about, f"no answer on {subject}", "See whether JetStream has space and is well: `nats server report`."
        )
    if "error" not in json.loads(reply.data):
        return warning(
            about, f"{subject} is taken by another stream than {_NOT_A_STREAM}", "Look at the server's version."
        )
    return good(about, f"may be published to {subject}")


async def _may_hear(bus: Bus, subject: str) -> Finding:
    async def ignore(_message: object) -> None:
        """Only the right to listen is of interest."""

    try:
        await bus.subscribe(subject, ignore)
    except CommandError as error:
        return warning("live events", error.message, error.remedy)
    return good("live events", f"{subject} may be heard")


async def _declared(bus: Bus, events: Events) -> AsyncIterator[Finding]:
    missing = set()
    for stream in topology.STREAMS:
        info = await _info(bus, f"{await events.api()}.STREAM.INFO.{stream.name}")
        if info is None or "error" in info:
            missing.add(stream.name)
            reason = "may not be looked at" if info is None else info["error"].get("description", "unknown")
            yield (warning if info is None else fault)(stream.name, reason, DECLARE)
            continue
        for finding in _stream(stream, info):
            yield finding
    for consumer in topology.consumers((bus.settings.cluster,)):
        if consumer.stream not in missing:
            info = await _info(bus, f"{await events.api()}.CONSUMER.INFO.{consumer.stream}.{consumer.name}")
            yield _consumer(consumer, info)


async def _info(bus: Bus, subject: str) -> dict[str, Any] | None:
    """The server's answer; None where this user may not ask."""
    try:
        reply = await bus.request(subject, b"")
    except CommandError as error:
        if error.code is Exit.NOT_PERMITTED:
            return None
        raise
    answer: dict[str, Any] = json.loads(reply.data)
    return answer


def _stream(stream: Stream, info: dict[str, Any]) -> list[Finding]:
    config, state = info["config"], info["state"]
    expected = {
        "subjects": list(stream.subjects),
        "storage": stream.storage,
        "discard": stream.discard,
        "max_msgs_per_subject": stream.messages_per_subject_max,
        "max_msg_size": stream.message_bytes_max,
        "max_age": int(stream.age_max_s * NANOSECONDS),
        "allow_atomic": stream.allow_atomic,
        "allow_msg_schedules": stream.allow_schedules,
        "deny_delete": stream.deny_delete,
    }
    drift = [
        f"{name} is {config.get(name, False)!r}, not {value!r}"
        for name, value in expected.items()
        if config.get(name, False) != value
    ]
    if drift:
        return [fault(stream.name, "; ".join(drift), DECLARE)]
    held, most = state["bytes"], config.get("max_bytes", -1)
    detail = f"{state['messages']} messages, {held / MEBIBYTE:.1f} MiB, {config.get('num_replicas', 1)} replica(s)"
    if most > 0 and stream.discard == "new" and held > FULL_SHARE * most:
        return [
            warning(stream.name, f"{held / most:.0%} full: {detail}", "Raise the limit before it refuses messages.")
        ]
    if stream.name == topology.DEAD and state["messages"]:
        remedy = "Read them: `nats sub` on tidegate.dead.*, or a direct get; each carries its reason."
        return [warning(stream.name, f"dead letters: {detail}", remedy)]
    return [good(stream.name, detail)]


def _consumer(consumer: Consumer, info: dict[str, Any] | None) -> Finding:
    about = f"{consumer.stream} {consumer.name}"
    if info is None:
        return warning(about, "may not be looked at", "Ask as the user operator.")
    if "error" in info:
        return fault(about, info["error"].get("description", "unknown"), DECLARE)
    config = info["config"]
    filters = config.get("filter_subjects") or [config.get("filter_subject", "")]
    if sorted(filters) != sorted(consumer.filters):
        return fault(about, f"it filters {', '.join(filters)}", DECLARE)
    waiting, pending, held = info["num_waiting"], info["num_pending"], info["num_ack_pending"]
    detail = f"{waiting} waiting to pull, {held} in hand, {pending} not yet delivered"
    if not waiting and consumer is not topology.AUDITOR_CONSUMER:
        service = consumer.name.partition("--")[0]
        return fault(about, f"no copy of {service} is listening: {detail}", f"Start the {service}, or see its /readyz.")
    return good(about, detail)
