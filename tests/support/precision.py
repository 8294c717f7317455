"""How precise a share is by the promise: as many requests as it is about, sent on while they are counted."""

from collections.abc import Sequence
from typing import Final

import pytest

from support.until import until
from tidegate_sandbox.load.run import LoadRun

SAMPLE: Final = 20_000
WITHIN_POINTS: Final = 1.0
WITHIN_S: Final = 80.0


def answered(runs: Sequence[LoadRun]) -> dict[str, int]:
    """By version."""
    found: dict[str, int] = {}
    for run in runs:
        for version, count in run.totals.versions.items():
            found[version] = found.get(version, 0) + count.ok
    return found


async def assert_share(runs: Sequence[LoadRun], weight_percent: float, *, sample_size: int = SAMPLE) -> None:
    """Over all runs together, those requests left out that were sent before; none may be on its way any more."""
    before = answered(runs)

    def sample() -> dict[str, int]:
        return {version: count - before.get(version, 0) for version, count in answered(runs).items()}

    await until(lambda: sum(sample().values()) >= sample_size, within_s=WITHIN_S, what=f"{sample_size} answers")
    found = sample()
    share = 100.0 * found["v2"] / sum(found.values())
    assert share == pytest.approx(weight_percent, abs=WITHIN_POINTS), found
