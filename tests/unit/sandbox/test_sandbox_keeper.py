"""One part's life, with real processes: what the supervisor does when they die, and what it is told to do."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from support.until import until

from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.supervisor.children import Children
from tidegate_sandbox.supervisor.keeper import Keeper
from tidegate_sandbox.supervisor.steps import NotReadyError, Process


class Part:
    """A shell script under a keeper; it counts as ready once it has made the file `ready`."""

    def __init__(self, directory: Path, script: str) -> None:
        (directory / "logs").mkdir()
        self.ready = directory / "ready"
        process = Process(name="part", command=lambda: ["sh", "-c", script], probe=self.probe)
        self.keeper = Keeper(process, Children(asyncio.get_running_loop()), directory)

    async def probe(self) -> None:
        if not self.ready.exists():
            raise NotReadyError

    @property
    def pid(self) -> int:
        pid = self.keeper.status.pid
        assert pid is not None
        return pid


@pytest.fixture
async def part_with(tmp_path: Path) -> AsyncIterator[Callable[[str], Part]]:
    made: list[Part] = []

    def make(script: str) -> Part:
        made.append(Part(tmp_path, script))
        return made[-1]

    yield make
    for part in made:
        await part.keeper.kill(hold=True)
        assert part.keeper._life is not None
        part.keeper._life.cancel()


PartWith = Callable[[str], Part]
STAYS = "touch ready; exec sleep 600"


async def test_a_part_is_ready_when_its_probe_says_so(part_with: PartWith) -> None:
    part = part_with(STAYS)
    await part.keeper.start()
    assert part.keeper.status.state == "ready"
    assert part.ready.exists()


async def test_a_part_that_dies_before_it_was_ready_fails_with_the_end_of_its_log(part_with: PartWith) -> None:
    part = part_with("echo first; echo the reason; exit 3")
    with pytest.raises(SandboxError, match=r"ended with exit code 3\n(.|\n)*the reason"):
        await part.keeper.start()
    assert part.keeper.status.state == "failed"


async def test_a_program_that_does_not_exist_fails_the_part(part_with: PartWith) -> None:
    part = part_with("")
    part.keeper._process = Process(name="part", command=lambda: ["/no/such/program"], probe=part.probe)
    with pytest.raises(SandboxError, match="No such file"):
        await part.keeper.start()


async def test_a_part_that_dies_later_is_started_again(part_with: PartWith) -> None:
    part = part_with(STAYS)
    await part.keeper.start()
    first = part.pid
    os.kill(first, signal.SIGSEGV)
    await until(lambda: part.keeper.status.state == "ready" and part.pid != first, what="another process")
    assert part.keeper.status.deaths == 1
    assert part.keeper.status.last_death == "was ended by SIGSEGV"


async def test_a_killed_part_is_not_called_ready_before_it_is_again(part_with: PartWith) -> None:
    part = part_with(STAYS)
    await part.keeper.start()
    part.ready.unlink()
    first = part.pid
    await part.keeper.kill(hold=False)
    await part.keeper.wait_until_ready()
    assert part.pid != first
    assert part.ready.exists()


async def test_a_halted_part_stays_down_until_released(part_with: PartWith) -> None:
    part = part_with(STAYS)
    await part.keeper.start()
    await part.keeper.kill(hold=True)
    # Longer than a restart takes.
    await asyncio.sleep(0.5)
    assert part.keeper.status.state == "down"
    assert part.keeper.status.pid is None
    await part.keeper.release()
    assert part.keeper.status.state == "ready"


async def test_a_frozen_part_has_the_state_t_and_runs_on_when_thawed(part_with: PartWith) -> None:
    part = part_with(STAYS)
    await part.keeper.start()
    await part.keeper.freeze()
    assert _kernel_state(part.pid) == "T"
    part.keeper.thaw()
    await until(lambda: _kernel_state(part.pid) == "S", what="the thaw")


async def test_a_frozen_part_can_be_killed(part_with: PartWith) -> None:
    part = part_with(STAYS)
    await part.keeper.start()
    await part.keeper.freeze()
    await part.keeper.kill(hold=False)
    await part.keeper.wait_until_ready()
    assert part.keeper.status.deaths == 1


async def test_a_part_that_is_down_can_not_be_frozen(part_with: PartWith) -> None:
    part = part_with(STAYS)
    await part.keeper.start()
    await part.keeper.kill(hold=True)
    with pytest.raises(SandboxError, match="is down"):
        await part.keeper.freeze()


def _kernel_state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
