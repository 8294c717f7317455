r"""Whether an answer gives a credential back, in whichever way its format may spell it. Pure; called by `door`.

A server that repeats what it was sent seldom repeats the bytes: JSON written by Go has `\u0026` for `&`, by PHP `\/`
for `/`, a page has `&amp;`, an address `%26`. Whoever reads such an answer has the credential itself, and so would an
event that holds the value.
"""

import html
import re
from collections.abc import Collection, Iterator
from typing import Final
from urllib.parse import unquote, unquote_plus

_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)


def repeats(body: bytes, credentials: Collection[str]) -> bool:
    """Whether any of them can be read from it."""
    if not credentials:
        return False
    texts = tuple(_readings(body.decode(errors="replace")))
    return any(credential in text for text in texts for credential in credentials)


def _readings(text: str) -> Iterator[str]:
    yield text
    if "\\" in text:
        yield _unescaped(text)
    if "&" in text:
        yield html.unescape(text)
    if "%" in text:
        yield unquote(text)
        yield unquote_plus(text)


def _unescaped(text: str) -> str:
    """As JSON is read; what stands for half a character is put together with the other half."""
    found = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)) if escape[1] else escape[2], text)
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
