"""What came of a script: its result, or why there is none. Pure; made by `runner`, read by the edges for scripts."""

from typing import Any, Final

import msgspec

from tidegate_contracts.problem import printable

DONE: Final = b"+"


class Failed(msgspec.Struct, frozen=True):
    """A script that gave no result, and why, on one line."""

    reason: str


Result = dict[str, Any] | Failed


def read(answer: bytes) -> Result:
    """A new object for each who asks."""
    if not answer.startswith(DONE):
        return Failed(printable(answer[1:].decode(errors="replace")))
    try:
        return msgspec.json.decode(answer[1:], type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return Failed(printable(f"no object with text in UTF-8 was returned: {error}"))
