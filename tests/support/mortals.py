"""Copies of the workload-controller in processes of their own, each of which holds one order until it is killed.

`kill -9` leaves what a cancelled task can't: requests under way end as they may, and nothing is closed.
The processes are forked from one that has imported everything: hundreds of them die in one play of the matrix.
"""

import asyncio
import multiprocessing
import time
from multiprocessing.connection import Connection
from typing import Final

from support.controller_copy import ControllerCopy, Notes, copy_with
from tidegate_chassis.clock import SystemClock
from tidegate_chassis.errors import Conflict, Transient
from tidegate_chassis.holding import HeldOrder, Lease
from tidegate_chassis.message import Message
from tidegate_contracts.codec import encode, workload_order_decoder
from tidegate_contracts.orders import WorkloadOrder
from tidegate_contracts.workload import WorkloadKey
from tidegate_workload_controller.holder import WorkloadHolder

BEGINS_WITHIN_S: Final = 60.0
AGAIN_AFTER_S: Final = 0.1
"""How soon an order is tried again after a conflict or an outage."""

_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


def held(key: WorkloadKey, order: WorkloadOrder) -> HeldOrder[WorkloadOrder]:
    """An order as the chassis gives it to a holder, with a lease that doesn't end."""
    message = Message(
        subject="", payload=b"", headers={}, stream="", sequence=0, deliveries=1, time_s=time.time(), id="order"
    )
    return HeldOrder(key, order, order.revision, message, Lease(SystemClock(), ack_wait_s=1e9, since_s=0.0))


async def keep(holder: WorkloadHolder, order: HeldOrder[WorkloadOrder]) -> None:
    """Hold it to its end, as the chassis does: again after a conflict or an outage."""
    while True:
        try:
            return await holder.hold(order)
        except (Conflict, Transient):
            await asyncio.sleep(AGAIN_AFTER_S)


async def held_until_killed(copy: ControllerCopy, key: WorkloadKey, order: WorkloadOrder, *, after_s: float) -> None:
    """A further copy holds it, and is killed.

    Args:
        copy: One like it.
        key: The workload.
        order: What it holds.
        after_s: When it is killed, from the moment at which it begins to hold.
    """
    ours, its = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_live, args=(copy.kubeconfig, copy.has_plugins, key, encode(order), its))
    await asyncio.to_thread(process.start)
    its.close()
    try:
        assert await asyncio.to_thread(ours.poll, BEGINS_WITHIN_S), "the copy that is to be killed never began"
        ours.recv_bytes()
        await asyncio.sleep(after_s)  # not for anything: it is the moment
    finally:
        process.kill()
        await asyncio.to_thread(process.join)
        process.close()
        ours.close()


def _live(kubeconfig: str, has_plugins: bool, key: WorkloadKey, order: bytes, begins: Connection) -> None:
    asyncio.run(_hold(kubeconfig, has_plugins, held(key, workload_order_decoder.decode(order)), begins))


async def _hold(kubeconfig: str, has_plugins: bool, order: HeldOrder[WorkloadOrder], begins: Connection) -> None:
    async with copy_with(kubeconfig, has_plugins=has_plugins) as copy:
        begins.send_bytes(b"begins")
        await keep(WorkloadHolder(copy.kinds, Notes(), SystemClock()), order)
        await asyncio.Event().wait()  # all is done; it lives until it is killed
