r"""What stands behind a backslash in a text: `\n`, `\x41`, `\101`, `\u00e9`, `\u{1f600}`. Pure; called by `tokens`.

A text's `\xff` is the character 255; in bytes (`b"…"`) it is that byte, and `\u` has no place there.
"""

import re
from typing import Final

from tidegate_metrics_analyzer.expr.faults import syntax

SIMPLE: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "`": "`",
    "?": "?",
}
CODE_POINT_MAX: Final = 0x10FFFF
REPLACEMENT: Final = "\ufffd"
SURROGATES: Final = range(0xD800, 0xE000)
ESCAPE: Final = re.compile(
    r"\\(?:x(?P<digits>[0-9a-fA-F]{2})"
    r"|(?P<unicode>u\{[0-9a-fA-F]{1,6}\}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
    r"|(?P<octal>[0-3][0-7]{2})|(?P<simple>.))",
    re.DOTALL,
)


def unescaped(inside: str) -> str:
    return ESCAPE.sub(_character, inside)


def unescaped_bytes(inside: str) -> bytes:
    """The bytes of a literal; characters outside of ASCII are their UTF-8."""
    parts: list[bytes] = []
    end = 0
    for found in ESCAPE.finditer(inside):
        if found["unicode"]:
            raise syntax("unable to unescape string")
        parts += [inside[end : found.start()].encode("utf-8"), _character(found).encode("latin-1")]
        end = found.end()
    return b"".join([*parts, inside[end:].encode("utf-8")])


def _character(found: re.Match[str]) -> str:
    if found["simple"] is not None:
        if found["simple"] not in SIMPLE:
            raise syntax("unable to unescape string")
        return SIMPLE[found["simple"]]
    digits = found["digits"] or (found["unicode"] or "").strip("uU{}")
    code = int(found["octal"], 8) if found["octal"] else int(digits, 16)
    if code > CODE_POINT_MAX:
        raise syntax("unable to unescape string")
    return REPLACEMENT if code in SURROGATES else chr(code)
