"""The deploy job: makes the bus what `tidegate_contracts.topology` says, and tells where it differs.

`python -m tidegate_chassis.topology declare` creates and updates streams and durable consumers, and fails loudly on a
difference that the server won't change; `check` only looks. Only the user `deploy` may; services declare nothing.
Sandbox, demo, compose and tests call `declare`.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from tidegate_chassis import jetstream, logs
from tidegate_chassis.connection import Connection, connected
from tidegate_chassis.errors import OperatingError, Permanent, Transient, UnknownOutcome
from tidegate_chassis.settings import Settings, load_or_exit
from tidegate_contracts import topology
from tidegate_contracts.topology import Consumer, Stream

API_TRIES_MAX: Final = 5
"""A cluster that just started may not answer for some seconds."""
API_WAIT_S: Final = 1.0
DRIFTED: Final = 1
UNREACHABLE: Final = 2
_NANOSECONDS: Final = 1_000_000_000
_UNAVAILABLE: Final = (503, 429)
_NOT_FOUND: Final = (jetstream.STREAM_NOT_FOUND, jetstream.CONSUMER_NOT_FOUND)


class Drift(msgspec.Struct, frozen=True):
    """One setting of one stream or consumer that is not as it should be."""

    what: str
    setting: str
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.what}: {self.setting} is {self.found}, not {self.wanted}"


class Report(msgspec.Struct, frozen=True):
    created: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]


class TopologySettings(Settings, frozen=True, kw_only=True):
    clusters: str = ""
    """The clusters that are served, separated by commas; empty: the one of TIDEGATE_CLUSTER."""
    stream_replicas: int = 1
    """3 in production: a stream on one server is lost with its disk."""


def stream_config(stream: Stream, replicas: int) -> dict[str, Any]:
    """Every setting of a stream that we rely on, as the server's API names them."""
    return {
        "name": stream.name,
        "subjects": list(stream.subjects),
        "retention": "limits",
        "storage": stream.storage,
        "num_replicas": replicas,
        "discard": stream.discard,
        "max_msgs": -1,
        "max_consumers": -1,
        "max_bytes": stream.bytes_max,
        "max_age": int(stream.age_max_s * _NANOSECONDS),
        "max_msg_size": stream.message_bytes_max,
        "max_msgs_per_subject": stream.messages_per_subject_max,
        "duplicate_window": int(stream.duplicate_window_s * _NANOSECONDS),
        "deny_delete": stream.deny_delete,
        "deny_purge": stream.deny_purge,
        "allow_rollup_hdrs": stream.allow_schedules,
        "allow_direct": True,
        "allow_atomic": stream.allow_atomic,
        "allow_msg_schedules": stream.allow_schedules,
        "allow_msg_ttl": stream.allow_message_ttl or stream.allow_schedules,
    }


def consumer_config(consumer: Consumer) -> dict[str, Any]:
    """As `stream_config`; a consumer has its stream's replicas."""
    filters = (
        {"filter_subject": consumer.filters[0]}
        if len(consumer.filters) == 1
        else {"filter_subjects": list(consumer.filters)}
    )
    return {
        "name": consumer.name,
        "durable_name": consumer.name,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": int(consumer.ack_wait_s * _NANOSECONDS),
        "max_deliver": -1,
        "max_ack_pending": consumer.ack_pending_max,
        "replay_policy": "instant",
        "num_replicas": 0,
        **filters,
    }


async def declare(
    connection: Connection, *, clusters: Iterable[str] = (topology.DEFAULT_CLUSTER,), replicas: int = 1
) -> Report:
    """Creates what is missing and updates what differs.

    Raises:
        Permanent: the server refuses a change; somebody has to decide.
        Transient: the server does not answer.
    """
    outcomes: dict[str, list[str]] = {"created": [], "updated": [], "unchanged": []}
    for stream in topology.STREAMS:
        outcomes[await _declare_stream(connection, stream_config(stream, replicas))].append(stream.name)
    for consumer in topology.consumers(tuple(clusters)):
        outcomes[await _declare_consumer(connection, consumer)].append(consumer.name)
    if drifts := await check(connection, clusters=clusters, replicas=replicas):
        raise Permanent("; ".join(map(str, drifts)), code="topology-drift")
    return Report(**{outcome: tuple(names) for outcome, names in outcomes.items()})


async def check(
    connection: Connection, *, clusters: Iterable[str] = (topology.DEFAULT_CLUSTER,), replicas: int = 1
) -> list[Drift]:
    """All differences between the bus and the topology."""
    drifts: list[Drift] = []
    for stream in topology.STREAMS:
        found = await _found(connection, f"STREAM.INFO.{stream.name}")
        drifts += _compare(f"stream {stream.name}", found, stream_config(stream, replicas))
    for consumer in topology.consumers(tuple(clusters)):
        found = await _found(connection, f"CONSUMER.INFO.{consumer.stream}.{consumer.name}")
        drifts += _compare(f"consumer {consumer.name}", found, consumer_config(consumer))
    return drifts


async def _declare_stream(connection: Connection, config: dict[str, Any]) -> str:
    name = config["name"]
    found = await _found(connection, f"STREAM.INFO.{name}")
    if found is None:
        await _call(connection, f"STREAM.CREATE.{name}", config, what=f"stream {name}")
        return "created"
    if not list(_compare(name, found, config)):
        return "unchanged"
    await _call(connection, f"STREAM.UPDATE.{name}", found | config, what=f"stream {name}")
    return "updated"


async def _declare_consumer(connection: Connection, consumer: Consumer) -> str:
    config, call = consumer_config(consumer), f"CONSUMER.DURABLE.CREATE.{consumer.stream}.{consumer.name}"
    found = await _found(connection, f"CONSUMER.INFO.{consumer.stream}.{consumer.name}")
    what = f"consumer {consumer.name}"
    if found is not None:
        # A durable with another filter would go on as if it had seen the new one's past: a new name is needed.
        filters = [drift for drift in _compare(what, found, config) if drift.setting.startswith("filter")]
        if filters:
            remedy = "Give it a new name in the topology; a durable's name is never used again with another filter."
            raise Permanent(str(filters[0]), code="topology-drift", remedy=remedy)
        if not list(_compare(what, found, config)):
            return "unchanged"
    await _call(connection, call, {"stream_name": consumer.stream, "config": config}, what=what)
    return "created" if found is None else "updated"


def _compare(what: str, found: dict[str, Any] | None, wanted: dict[str, Any]) -> Iterator[Drift]:
    if found is None:
        yield Drift(what, "existence", "missing", "there")
        return
    for setting, value in wanted.items():
        there = found.get(setting, type(value)())
        if there != value:
            yield Drift(what, setting, repr(there), repr(value))


async def _found(connection: Connection, call: str) -> dict[str, Any] | None:
    answer = await _asked(connection, call, None)
    error = jetstream.api_error(answer)
    if error is None:
        config = answer["config"]
        assert isinstance(config, dict), "the API's own shape"
        return config
    if error.err_code in _NOT_FOUND:
        return None
    raise error.as_error(call)


async def _call(connection: Connection, call: str, body: dict[str, Any], *, what: str) -> None:
    error = jetstream.api_error(await _asked(connection, call, body))
    if error is not None:
        reason = f"{what} was refused: {error.description} ({error.err_code})"
        # The server also says 500 to what it will never do, such as another storage.
        raise Transient(reason) if error.code in _UNAVAILABLE else Permanent(reason, code="topology-drift")


async def _asked(connection: Connection, call: str, body: dict[str, Any] | None) -> dict[str, Any]:
    """Every call here may be repeated: it looks, or says how things should be."""
    failure: OperatingError = Transient(f"{call} was not tried")
    for _ in range(API_TRIES_MAX):
        try:
            return await jetstream.api(connection, call, body)
        except (Transient, UnknownOutcome) as error:
            failure = error
            await asyncio.sleep(API_WAIT_S)
    raise Transient(failure.reason) from failure


def main() -> int:
    """The command; returns its exit status: 0 well, 1 differences, 2 unreachable."""
    parser = argparse.ArgumentParser(prog="python -m tidegate_chassis.topology", description=__doc__)
    parser.add_argument("action", choices=("declare", "check"))
    action = parser.parse_args().action
    settings = load_or_exit(TopologySettings)
    logs.configure("topology", "error")
    try:
        return asyncio.run(_run(action, settings))
    except Permanent as error:
        sys.stderr.write(f"{error.reason}. {error.remedy}\n")
        return DRIFTED
    except OperatingError as error:
        sys.stderr.write(f"{error.reason}\n")
        return UNREACHABLE


async def _run(action: str, settings: TopologySettings) -> int:
    clusters = tuple(filter(None, settings.clusters.split(","))) or (settings.cluster,)
    user, password = settings.nats_user, settings.nats_password
    async with connected(settings.nats_url, name="topology", user=user, password=password) as connection:
        if action == "check":
            drifts = await check(connection, clusters=clusters, replicas=settings.stream_replicas)
            sys.stdout.write("".join(f"{drift}\n" for drift in drifts) or "as it should be\n")
            return DRIFTED if drifts else os.EX_OK
        report = await declare(connection, clusters=clusters, replicas=settings.stream_replicas)
        for outcome, names in msgspec.structs.asdict(report).items():
            sys.stdout.write(f"{outcome}: {', '.join(names) or 'nothing'}\n")
        return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
