"""Guards as copies of the operator place them, some of which are behind: a real bus, no cluster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.kruise_rollouts import AUTHOR, WEB, rollout, steps
from support.nats import CLOCK, NatsServer, nats_server
from support.saga import Saga, request, step

from tidegate_chassis.errors import Conflict
from tidegate_chassis.journal import Journal
from tidegate_contracts import subjects
from tidegate_contracts.codec import encode, tag_of
from tidegate_contracts.controls import Approve
from tidegate_contracts.guards import GuardRemoved, GuardSet
from tidegate_rollout_operator.commands import Command
from tidegate_rollout_operator.histories import Histories
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.speaking import Speaker, Standing
from tidegate_rollout_operator.translate import translate

pytestmark = pytest.mark.nats


@asynccontextmanager
async def speakers(server: NatsServer, count: int) -> AsyncIterator[list[Speaker]]:
    async with server.connected("rollout-operator") as connection:
        yield [Speaker(connection, "rollout-operator", "default", CLOCK) for _ in range(count)]


def generation(number: int, first: int, **metadata: Any) -> tuple[Rollout, GuardSet]:
    """A Rollout of this generation, whose first step has so many percent."""
    made = rollout(metadata={"generation": number, **metadata}, steps=steps(f"{first}%"))
    wanted = translate(made)
    assert not isinstance(wanted, tuple)
    return made, GuardSet(request=wanted, by=made.author)


async def standing(speaker: Speaker) -> list[Standing]:
    return [each async for each in speaker.all()]


async def test_a_copy_that_is_behind_puts_nothing_older_over_what_stands() -> None:
    async with nats_server() as server, speakers(server, 2) as (ahead, behind):
        old, newer = generation(1, 10), generation(2, 20)
        key = old[0].key("default")
        await behind.guard(key, *old)
        await ahead.guard(key, *newer)
        await behind.guard(key, *old)
        assert [each.guard for each in await standing(ahead)] == [newer[1]]


async def test_a_wish_that_was_changed_and_changed_back_stands_again() -> None:
    """An annotation makes no generation: what was said under the same one before has to be said again."""
    async with nats_server() as server, speakers(server, 1) as (speaker,):
        in_batches = {"annotations": {"rollouts.kruise.io/rollback-in-batch": "true"}}
        plain, annotated = generation(1, 10), generation(1, 10, **in_batches)
        key = plain[0].key("default")
        for made, wanted in (plain, annotated, plain):
            await speaker.guard(key, made, wanted)
            assert [each.guard for each in await standing(speaker)] == [wanted]


async def test_the_same_wish_is_placed_once_by_many_copies() -> None:
    async with nats_server() as server, speakers(server, 8) as copies:
        made, wanted = generation(1, 10)
        key = made.key("default")
        placed = await asyncio.gather(*(each.guard(key, made, wanted) for each in copies), return_exceptions=True)
        assert {type(each) for each in placed} <= {type(None), Conflict}
        (found,) = await standing(copies[0])
        await copies[0].guard(key, made, wanted)
        assert await standing(copies[0]) == [found]


async def test_only_its_own_guard_is_removed() -> None:
    async with nats_server() as server, speakers(server, 1) as (speaker,):
        made, wanted = generation(1, 10)
        key = made.key("default")
        await speaker.guard(key, made, wanted)
        (before,) = await standing(speaker)
        await speaker.unguard(key, "Rollout other")
        assert await standing(speaker) == [before]
        await speaker.unguard(key, AUTHOR)
        (after,) = await standing(speaker)
        assert after.guard == GuardRemoved(workload=WEB, by=AUTHOR)
        with pytest.raises(Conflict):
            await speaker.remove(before, AUTHOR)


async def test_a_command_is_told_once_by_many_copies() -> None:
    async with nats_server() as server, speakers(server, 4) as copies:
        command = Command("g-1", "u-1:g-1:approve:7", Approve(step=1, by=AUTHOR))
        for speaker in copies * 2:
            await speaker.tell(rollout().key("default"), command)
        async with server.administrator() as connection:
            info = await connection.client.jetstream().stream_info("TIDEGATE_CONTROLS")
            assert info.state.messages == 1


async def test_a_guard_that_nobody_can_read_is_left_alone() -> None:
    async with nats_server() as server, speakers(server, 1) as (speaker,), server.administrator() as connection:
        made, wanted = generation(1, 10)
        key = made.key("default")
        await speaker.guard(key, made, wanted)
        stream = connection.client.jetstream()
        await stream.publish("tidegate.guards.default.shop.Deployment.web", b"{}")
        await stream.publish(subjects.guard(key._replace(name="other")), b"no guard")
        assert [(each.key.name, each.guard) for each in await standing(speaker)] == [("web", wanted), ("other", None)]


async def test_a_history_is_read_on_over_an_event_of_a_newer_version() -> None:
    saga = Saga()
    saga.ask(request(step("20%"), step("100%"), rollout="g-1"))
    saga.to_step(2)
    key = rollout().key("default")
    async with nats_server() as server, server.administrator() as connection:
        histories = Histories(Journal(connection, "test", CLOCK))
        stream = connection.client.jetstream()
        assert (await histories.view(key))[0].stage == "idle"
        for event in saga.history:
            subject = subjects.event(key, event.rollout, "orchestrator", tag_of(event))
            await stream.publish(subject, encode(event))
            await stream.publish(f"{subject}-unheard-of", b'{"type": "rollout.unheard-of.v9"}')
        assert (await histories.view(key))[0].step == 2
        histories.forget(key)
        read, _ = await histories.view(key)
        assert (read.rollout, read.step, read.sequence) == ("g-1", 2, 2 * len(saga.history))
