r"""What stands behind a backslash in a text: `\n`, `\x41`, `\101`, `\u00e9`, `\u{1f600}`. Pure; called by `tokens`.

A text's `\xff` is the character 255; in bytes (`b"…"`) it is that byte, and `\u` has no place there.
"""

import re
from typing import Final

from tidegate_metrics_analyzer.expr.faults import syntax

SIMPLE: Final = {
    **{"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"},
    **{"'": "'", '"': '"', "`": "`", "?": "?"},
}
CODE_POINT_MAX: Final = 0x10FFFF
REPLACEMENT: Final = "\ufffd"
ESCAPE: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))", re.DOTALL
)


def unescaped(inside: str) -> str:
    return ESCAPE.sub(lambda found: character(*found.groups()), inside)


def unescaped_bytes(inside: str) -> bytes:
    """The bytes of a literal; characters outside of ASCII are their UTF-8."""
    parts: list[bytes] = []
    end = 0
    for found in ESCAPE.finditer(inside):
        two_digits, braces, four_digits, eight_digits, octal, simple = found.groups()
        if braces or four_digits or eight_digits:
            raise syntax("unable to unescape string")
        parts.append(inside[end : found.start()].encode("utf-8", "surrogateescape"))
        parts.append(character(two_digits, None, None, None, octal, simple).encode("latin-1"))
        end = found.end()
    parts.append(inside[end:].encode("utf-8", "surrogateescape"))
    return b"".join(parts)


def character(
    two_digits: str | None,
    braces: str | None,
    four_digits: str | None,
    eight_digits: str | None,
    octal: str | None,
    simple: str | None,
) -> str:
    if simple is not None:
        if simple not in SIMPLE:
            raise syntax("unable to unescape string")
        return SIMPLE[simple]
    code = int(octal, 8) if octal else int(two_digits or braces or four_digits or eight_digits or "", 16)
    if code > CODE_POINT_MAX:
        raise syntax("unable to unescape string")
    return REPLACEMENT if 0xD800 <= code <= 0xDFFF else chr(code)
