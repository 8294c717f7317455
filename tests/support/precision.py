"""How precise a share is by the promise: as many requests as it is about, sent on while they are counted."""

from typing import Final

import pytest

from support.steady_load import SteadyLoad
from support.until import until

SAMPLE: Final = 20_000
WITHIN_POINTS: Final = 1.0
WITHIN_S: Final = 80.0


async def assert_share(load: SteadyLoad, weight_percent: float, *, sample_size: int = SAMPLE) -> None:
    """Those requests left out that were sent before; none may be on its way any more."""
    before = load.answered()
    await until(
        lambda: (load.answered() - before).total() >= sample_size, within_s=WITHIN_S, what=f"{sample_size} answers"
    )
    found = load.answered() - before
    share = 100.0 * found["v2"] / found.total()
    assert share == pytest.approx(weight_percent, abs=WITHIN_POINTS), found
