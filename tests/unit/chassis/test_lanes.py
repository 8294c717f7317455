import asyncio

import pytest

from tidegate_chassis.lanes import Lanes


async def test_a_lane_lets_one_in_after_another_in_the_order_of_their_coming() -> None:
    lanes, order = Lanes(), []

    async def pass_through(number: int) -> None:
        async with lanes.turn("a"):
            order.append(("in", number))
            await asyncio.sleep(0)
            order.append(("out", number))

    await asyncio.gather(*(pass_through(number) for number in range(4)))
    assert order == [(way, number) for number in range(4) for way in ("in", "out")]


async def test_lanes_do_not_wait_for_each_other() -> None:
    lanes = Lanes()
    async with lanes.turn("a"), asyncio.timeout(1), lanes.turn("b"):
        pass


async def test_one_that_gives_up_waiting_lets_the_next_one_go_on_only_after_the_first() -> None:
    lanes = Lanes()
    first_may_leave, entered = asyncio.Event(), []

    async def pass_through(name: str, may_leave: asyncio.Event | None = None) -> None:
        async with lanes.turn("a"):
            entered.append(name)
            if may_leave is not None:
                await may_leave.wait()

    first = asyncio.create_task(pass_through("first", first_may_leave))
    second, third = asyncio.create_task(pass_through("second")), asyncio.create_task(pass_through("third"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert entered == ["first"]
    first_may_leave.set()
    await asyncio.gather(first, third)
    assert entered == ["first", "third"]


async def test_an_empty_lane_leaves_nothing_behind() -> None:
    lanes = Lanes()
    with pytest.raises(ZeroDivisionError):
        async with lanes.turn("a"):
            raise ZeroDivisionError
    assert len(lanes) == 0
