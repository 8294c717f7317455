"""Our order of things disabled, piece by piece: a test that such a run passes would see no loss of ours either."""

from tidegate_traffic_shifter.declaring import Declaring
from tidegate_traffic_shifter.outcome import Outcome, Settled, worst
from tidegate_traffic_shifter.release import Release
from tidegate_traffic_shifter.shift import Shift


async def never(shift: Shift) -> list[Outcome]:
    """The stable Service is left without pods."""
    del shift
    return []


async def routes_first(release: Release) -> list[Outcome]:
    """The routes go back before anybody stands behind the stable Service."""
    cleared = await release._clearing.look(list(release._places))
    if not isinstance(worst(cleared), Settled):
        return cleared
    fence, label = release._fence, release._label
    return [await release._services.unpin(place, label, fence) for place in release._places]


async def undeclared(declaring: Declaring) -> list[Outcome]:
    """Routes name what nobody has declared yet."""
    del declaring
    return []
