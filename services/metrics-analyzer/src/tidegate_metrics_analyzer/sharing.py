"""One question, asked once for all who ask the very same within the same second: for every provider, and nothing else.

Used by the providers, of which each says what makes two of its questions the same. A shared answer is as old as the
moment that it was asked for, so whoever asks says from when on an answer is of use: never one that he has counted
already, and none that looks back over his step's start (`measure`).
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, NamedTuple, TypeVar

KEPT_S: Final = 1.0
"""No answer is given any longer; it is forgotten when the next question is asked."""

_Found = TypeVar("_Found")


class Shared(NamedTuple, Generic[_Found]):
    found: _Found
    of_s: float
    """The moment that it was asked for."""


class _Asked(NamedTuple, Generic[_Found]):
    answer: asyncio.Future[_Found]
    of_s: float
    since_s: float
    """By the loop's clock."""

    def serves(self, at_s: float, not_before_s: float | None) -> bool:
        is_of_use = not_before_s is not None and not_before_s <= self.of_s <= at_s
        return is_of_use and math.floor(self.of_s) == math.floor(at_s)


class Sharing(Generic[_Found]):
    """The questions of one provider."""

    def __init__(self) -> None:
        self._asked: OrderedDict[Hashable, _Asked[_Found]] = OrderedDict()
        """Those that were asked longest ago come first."""

    async def ask(
        self, key: Hashable, at_s: float, not_before_s: float | None, asking: Callable[[], Awaitable[_Found]]
    ) -> Shared[_Found]:
        """The answer to the same question of this second, or else what `asking` brings.

        Args:
            key: What makes it the same question, whenever it is asked.
            at_s: The moment that is asked for, in epoch seconds.
            not_before_s: Answers of earlier moments are of no use; None: nobody else's is.
            asking: Asks it.
        """
        self._forget()
        while (asked := self._asked.get(key)) is not None and asked.serves(at_s, not_before_s):
            await asyncio.wait({asked.answer})
            if not asked.answer.cancelled():
                return Shared(asked.answer.result(), asked.of_s)
        return Shared(await self._lead(key, at_s, asking), at_s)

    async def _lead(self, key: Hashable, at_s: float, asking: Callable[[], Awaitable[_Found]]) -> _Found:
        """Whoever gives up, or breaks, leaves the question to those who wait: the first of them asks it then."""
        loop = asyncio.get_running_loop()
        asked = _Asked[_Found](loop.create_future(), at_s, loop.time())
        self._asked.pop(key, None)
        self._asked[key] = asked
        try:
            found = await asking()
        except BaseException:
            if self._asked.get(key) is asked:
                del self._asked[key]
            asked.answer.cancel()
            raise
        asked.answer.set_result(found)
        return found

    def _forget(self) -> None:
        """Also what is not answered yet: those who wait for it hold it themselves."""
        old_s = asyncio.get_running_loop().time() - KEPT_S
        while self._asked and next(iter(self._asked.values())).since_s < old_s:
            self._asked.popitem(last=False)
