"""Carries out the steps of a sandbox in the order that their needs give, side by side wherever they allow it.

Called by `__main__` with the steps from `parts`; reports each one that is ready.
"""

import asyncio
from collections.abc import Callable, Sequence

from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.supervisor.keeper import Keeper
from tidegate_sandbox.supervisor.steps import Chore, Step


async def carry_out(steps: Sequence[Step], keepers: dict[str, Keeper], report: Callable[[str], None]) -> None:
    """Run all steps; the first one that fails fails the whole.

    Args:
        steps: in any order.
        keepers: one for each process among them.
        report: called with a step's name when it is ready.
    """
    check(steps)
    ready = {step.name: asyncio.Event() for step in steps}

    async def run(step: Step) -> None:
        for need in step.needs:
            await ready[need].wait()
        if isinstance(step, Chore):
            await step.run()
        else:
            await keepers[step.name].start()
        ready[step.name].set()
        report(step.name)

    tasks = [asyncio.create_task(run(step), name=step.name) for step in steps]
    try:
        for finished in asyncio.as_completed(tasks):
            await finished
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def check(steps: Sequence[Step]) -> None:
    """Raise when steps share a name, need what is not there, or wait for one another in a ring."""
    needs = {step.name: set(step.needs) for step in steps}
    if len(needs) != len(steps):
        raise SandboxError("two steps of the plan have the same name")
    while needs:
        free = {name for name, open_needs in needs.items() if not open_needs}
        if not free:
            raise SandboxError(f"these steps wait for one another or for a missing one: {', '.join(sorted(needs))}")
        needs = {name: open_needs - free for name, open_needs in needs.items() if name not in free}
