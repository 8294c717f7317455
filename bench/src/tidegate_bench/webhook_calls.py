"""How long the API server waited for a webhook, call by call, as it says itself. Pure but for reading its log.

A sandbox's API server logs each of its own calls with its time in whole milliseconds, rounded down: here they are
rounded up. Its histogram can't tell what matters: two of its bounds are 5 and 25 ms.
"""

import re
from pathlib import Path
from typing import Final

_CALL: Final = re.compile(
    r'"Response" .*verb="POST" url="https://[^/"]+(?P<path>/[^?"]*)\?[^"]*" .*milliseconds=(?P<ms>[0-9]+)'
)


class ApiServerLog:
    """What is written from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._from_byte = path.stat().st_size

    def calls_ms(self, path: str) -> list[float]:
        """Of the webhook that is served at this path."""
        with self._path.open("rb") as log:
            log.seek(self._from_byte)
            return calls_ms(log.read().decode(errors="replace"), path)


def calls_ms(log: str, path: str) -> list[float]:
    """Each call's time, at most a millisecond too long."""
    found = (_CALL.search(line) for line in log.splitlines())
    return [float(each["ms"]) + 1.0 for each in found if each is not None and each["path"] == path]
