"""The routes that docs/routes.md shows are such that their routers keep every promise with them."""

from typing import Final

import pytest
from support.routes import shown
from unit.traffic_shifter.test_routers import FORMATS

from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter.conformance import broken

SHOWN: Final = shown()


def test_the_page_shows_seven_routers() -> None:
    assert len(SHOWN) == 7
    assert set(SHOWN) <= set(BUILT_IN)


@pytest.mark.parametrize("router", SHOWN)
def test_a_router_keeps_every_promise_with_the_route_that_is_shown(router: str) -> None:
    assert broken(FORMATS[router], SHOWN[router], "web") == []
