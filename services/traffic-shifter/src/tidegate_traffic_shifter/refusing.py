"""What the API server refuses for good is an outcome like others: of one route, which leaves the others to go on.

Used by `routing`, `declaring` and `shift`. What is refused outside of any of them is told by `holder`.
"""

from collections.abc import Awaitable

from tidegate_chassis.errors import Permanent
from tidegate_traffic_shifter import problems
from tidegate_traffic_shifter.outcome import Outcome, Refused


async def outcome_of(doing: Awaitable[Outcome]) -> Outcome:
    try:
        return await doing
    except Permanent as error:
        return Refused(problems.refused_by_server(error))
