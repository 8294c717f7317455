import asyncio

import pytest

from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.supervisor import plan
from tidegate_sandbox.supervisor.steps import Chore, NotReadyError, wait_for


def chore(name: str, *needs: str, log: list[str] | None = None, error: Exception | None = None) -> Chore:
    async def run() -> None:
        await asyncio.sleep(0)
        if error is not None:
            raise error
        if log is not None:
            log.append(name)

    return Chore(name=name, needs=needs, run=run)


async def test_a_step_runs_after_everything_that_it_needs() -> None:
    log: list[str] = []
    steps = [chore("roof", "walls", log=log), chore("walls", "floor", log=log), chore("floor", log=log)]
    reported: list[str] = []
    await plan.carry_out(steps, {}, reported.append)
    assert log == reported == ["floor", "walls", "roof"]


async def test_steps_that_need_nothing_of_each_other_run_side_by_side() -> None:
    met = asyncio.Barrier(2)

    async def meet() -> None:
        await met.wait()

    steps = [Chore(name="one", run=meet), Chore(name="other", run=meet)]
    async with asyncio.timeout(2):
        await plan.carry_out(steps, {}, lambda _: None)


async def test_a_step_that_fails_fails_the_plan_and_nothing_that_needs_it_runs() -> None:
    log: list[str] = []
    steps = [chore("floor", error=SandboxError("no ground")), chore("walls", "floor", log=log)]
    with pytest.raises(SandboxError, match="no ground"):
        await plan.carry_out(steps, {}, lambda _: None)
    assert log == []


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([chore("hen", "egg"), chore("egg", "hen")], id="ring"),
        pytest.param([chore("walls", "floor")], id="missing"),
        pytest.param([chore("self", "self")], id="itself"),
    ],
)
def test_steps_that_could_never_run_are_refused(steps: list[Chore]) -> None:
    with pytest.raises(SandboxError, match="wait for one another or for a missing one"):
        plan.check(steps)


def test_two_steps_of_one_name_are_refused() -> None:
    with pytest.raises(SandboxError, match="same name"):
        plan.check([chore("wall"), chore("wall")])


async def test_waiting_ends_when_the_probe_stops_complaining() -> None:
    answers = [NotReadyError("not yet"), NotReadyError("not yet"), None]

    async def probe() -> None:
        if answer := answers.pop(0):
            raise answer

    await wait_for(probe, what="the probe")
    assert answers == []
