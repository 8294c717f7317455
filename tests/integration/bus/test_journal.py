import asyncio
from collections.abc import AsyncIterator

import pytest
from support.copies import key
from support.nats import CLOCK, NatsServer, nats_server

from tidegate_chassis.errors import Conflict, Transient, UnknownOutcome
from tidegate_chassis.journal import Journal, Outgoing
from tidegate_chassis.publish import Publisher
from tidegate_contracts import subjects
from tidegate_contracts.codec import event_decoder
from tidegate_contracts.decisions import RolloutPaused, StepStarted
from tidegate_contracts.facts import WorkloadGone
from tidegate_contracts.topology import EVENTS

pytestmark = pytest.mark.nats

HISTORY = subjects.workload_events(key())


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with nats_server() as running:
        yield running


@pytest.fixture
async def journal(server: NatsServer) -> AsyncIterator[Journal]:
    async with server.connected("orchestrator") as connection:
        yield Journal(connection, "orchestrator", CLOCK)


def decision(number: int, by: str = "one") -> Outgoing:
    body = StepStarted(rollout="r1", revision=number, active="r1", cause=by, at_s=1.0, step=1)
    subject = subjects.event(key(), "r1", "orchestrator", "rollout.step-started.v1")
    return Outgoing(subject, f"{by}-{number}", body, cause="request-1")


async def append(journal: Journal, *messages: Outgoing, after: int) -> int:
    return await journal.append(EVENTS, messages, filter_subject=HISTORY, expected_last_sequence=after)


async def ids(journal: Journal) -> list[str]:
    return [message.id for message in await journal.read(EVENTS, HISTORY)]


async def test_what_was_appended_is_read_back_whole_and_in_order(journal: Journal) -> None:
    sequence = await append(journal, decision(1), after=0)
    sequence = await append(journal, decision(2), decision(3), after=sequence)
    messages = await journal.read(EVENTS, HISTORY)
    assert [message.sequence for message in messages] == [1, 2, 3]
    assert sequence == 3
    assert [event_decoder.decode(message.payload) for message in messages] == [decision(n).body for n in (1, 2, 3)]
    assert {message.cause for message in messages} == {"request-1"}
    assert await journal.last(EVENTS, HISTORY) == messages[-1]
    assert await journal.read(EVENTS, HISTORY, after_sequence=2) == messages[2:]


async def test_an_empty_history_has_no_last_message(journal: Journal) -> None:
    assert await journal.last(EVENTS, HISTORY) is None
    assert await journal.read(EVENTS, HISTORY) == []


async def test_a_long_history_is_read_to_its_end(journal: Journal) -> None:
    sequence = 0
    for first in range(0, 600, 60):
        sequence = await append(journal, *(decision(first + offset) for offset in range(60)), after=sequence)
    assert await ids(journal) == [f"one-{number}" for number in range(600)]


async def test_of_racing_appends_exactly_one_wins_each_round(server: NatsServer, journal: Journal) -> None:
    async def attempt(racer: int, after: int) -> int | None:
        messages = [decision(after, f"racer-{racer}")] + ([decision(after + 1, f"racer-{racer}")] if racer % 2 else [])
        try:
            return await append(journal, *messages, after=after)
        except Conflict:
            return None

    after = 0
    for _ in range(20):
        winners = [won for won in await asyncio.gather(*(attempt(racer, after) for racer in range(8))) if won]
        assert len(winners) == 1
        (after,) = winners
    assert len(await ids(journal)) == after


async def test_an_append_that_is_repeated_succeeds_without_a_second_copy(journal: Journal) -> None:
    first = await append(journal, decision(1), after=0)
    assert await append(journal, decision(1), after=0) == first
    both = await append(journal, decision(2), decision(3), after=first)
    assert await append(journal, decision(2), decision(3), after=first) == both
    assert await ids(journal) == ["one-1", "one-2", "one-3"]


async def test_an_append_that_is_repeated_after_a_fact_came_in_between_still_succeeds(
    server: NatsServer, journal: Journal
) -> None:
    first = await append(journal, decision(1), after=0)
    async with server.connected("workload-controller") as worker:
        publisher = Publisher(worker, "workload-controller", CLOCK)
        await publisher.report(key(), WorkloadGone(rollout="r1", order_revision=1, at_s=1.0))
    assert await append(journal, decision(1), after=0) == first
    with pytest.raises(Conflict):
        await append(journal, decision(2), after=first)


async def test_a_fact_of_another_workload_is_no_conflict(server: NatsServer, journal: Journal) -> None:
    first = await append(journal, decision(1), after=0)
    async with server.connected("workload-controller") as worker:
        publisher = Publisher(worker, "workload-controller", CLOCK)
        await publisher.report(key("other"), WorkloadGone(rollout="r1", order_revision=1, at_s=1.0))
    assert await append(journal, decision(2), after=first) == 3


async def test_a_batch_that_conflicts_leaves_nothing(journal: Journal) -> None:
    await append(journal, decision(1), after=0)
    with pytest.raises(Conflict):
        await append(journal, decision(2, "late"), decision(3, "late"), after=0)
    assert await ids(journal) == ["one-1"]


async def test_an_append_to_a_frozen_server_is_found_once_it_thaws(server: NatsServer, journal: Journal) -> None:
    first = await append(journal, decision(1), after=0)
    server.pause()
    appending = asyncio.create_task(append(journal, decision(2), after=first))
    await asyncio.sleep(3)
    server.resume()
    assert await appending == 2
    assert await ids(journal) == ["one-1", "one-2"]


async def test_an_append_whose_outcome_stays_unknown_says_so(
    server: NatsServer, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate_chassis.journal.DEADLINE_S", 1.0)
    first = await append(journal, decision(1), after=0)
    server.pause()
    with pytest.raises(UnknownOutcome):
        await append(journal, decision(2), after=first)
    server.resume()
    # The redelivered message finds out, by the same ids.
    assert await append(journal, decision(2), after=first) == 2
    assert await ids(journal) == ["one-1", "one-2"]


async def test_an_append_while_the_server_is_down_waits_for_it(server: NatsServer, journal: Journal) -> None:
    first = await append(journal, decision(1), after=0)
    await server.kill()
    appending = asyncio.create_task(append(journal, decision(2), decision(3), after=first))
    await asyncio.sleep(0.5)
    await server.start()
    assert await appending == 3
    assert await ids(journal) == ["one-1", "one-2", "one-3"]


async def test_an_append_without_a_server_is_known_to_be_undone(
    server: NatsServer, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate_chassis.journal.DEADLINE_S", 1.0)
    await server.kill()
    await asyncio.sleep(0.3)
    with pytest.raises(Transient):
        await append(journal, decision(1), after=0)


async def test_nothing_acknowledged_is_lost_when_the_server_is_killed_again_and_again(
    server: NatsServer, journal: Journal
) -> None:
    acknowledged: list[str] = []
    stop = asyncio.Event()

    async def write() -> None:
        number, after = 0, 0
        while not stop.is_set():
            messages = [decision(number), decision(number + 1)]
            try:
                after = await append(journal, *messages, after=after)
            except UnknownOutcome:
                continue
            acknowledged.extend(message.id for message in messages)
            number += 2

    writing = asyncio.create_task(write())
    for _ in range(3):
        await asyncio.sleep(0.5)
        await server.kill()
        await server.start()
    await asyncio.sleep(0.5)
    stop.set()
    await writing
    assert len(acknowledged) > 20
    assert await ids(journal) == acknowledged


async def test_an_event_may_not_be_written_in_anothers_name(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate_chassis.journal.DEADLINE_S", 1.0)
    subject = subjects.event(key(), "r1", "orchestrator", "rollout.paused.v1")
    body = RolloutPaused(rollout="r1", revision=1, active="r1", cause="x", at_s=1.0, reason="", by="")
    async with server.connected("workload-controller") as worker:
        journal = Journal(worker, "workload-controller", CLOCK)
        with pytest.raises((UnknownOutcome, Transient)):
            await append(journal, Outgoing(subject, "forged", body), after=0)
        assert worker.denials > 0
        assert "permissions violation" in (worker.problem() or "").lower()
