"""Which series a PromQL query reads without a range. Pure; called by `promql` and by the Prometheus provider.

Prometheus stamps an answer with the moment of the question, whatever the age of the samples behind it: a bare series
answers with what it was up to five minutes ago. So its samples' real age is asked for separately, and this finds
what to ask it of. It reads as much of the grammar as that takes; the server judges the rest.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

QUERIES_KEPT_MAX: Final = 10_000
"""Once a window has its full length, a check asks the same query again and again."""

_TOKEN: Final = re.compile(
    r"""(?P<string>"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'|`[^`]*+`)"""
    r"""|(?P<skipped>\#[^\n]*+|\s++)|(?P<range>\[[^\]]*+\])"""
    r"""|(?P<word>[A-Za-z_:][\w:]*+)|(?P<number>[0-9.][\w.]*+)|(?P<sign>.)""",
    re.DOTALL | re.ASCII,
)
_GROUPINGS: Final = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_KEYWORDS: Final = frozenset({"and", "or", "unless", "atan2", "bool", "offset", "inf", "nan"})


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


_NOTHING: Final = _Token("", "", 0, 0)


@lru_cache(maxsize=QUERIES_KEPT_MAX)
def bare_series(query: str) -> tuple[str, ...]:
    """The selectors of the query that no range follows, as they are written, each once."""
    tokens = [
        _Token(token.lastgroup or "", token.group(), *token.span())
        for token in _TOKEN.finditer(query)
        if token.lastgroup != "skipped"
    ]
    return tuple(dict.fromkeys(query[start:end] for start, end in _bare(tokens)))


def _bare(tokens: list[_Token]) -> Iterator[tuple[int, int]]:
    index = 0
    while index < len(tokens):
        after = _end_of_selector(tokens, index)
        if after == index:
            index = _after_grouping(tokens, index)
            continue
        if not _is_range(_at(tokens, after)):
            yield tokens[index].start, tokens[after - 1].end
        index = after


def _end_of_selector(tokens: list[_Token], index: int) -> int:
    """Behind the selector that starts here; `index` itself where none does."""
    token, following = tokens[index], _at(tokens, index + 1)
    if token.text == "{":
        return _behind(tokens, index, "}")
    is_name = token.kind == "word" and token.text not in _GROUPINGS and token.text.lower() not in _KEYWORDS
    if not is_name or following.text == "(" or following.text in _GROUPINGS:
        return index
    return _behind(tokens, index + 1, "}") if following.text == "{" else index + 1


def _after_grouping(tokens: list[_Token], index: int) -> int:
    """Behind this token and, where it groups by labels, behind those."""
    groups = tokens[index].text in _GROUPINGS and _at(tokens, index + 1).text == "("
    return _behind(tokens, index + 1, ")") if groups else index + 1


def _behind(tokens: list[_Token], index: int, closing: str) -> int:
    while index < len(tokens) and tokens[index].text != closing:
        index += 1
    return min(index + 1, len(tokens))


def _at(tokens: list[_Token], index: int) -> _Token:
    return tokens[index] if index < len(tokens) else _NOTHING


def _is_range(token: _Token) -> bool:
    return token.kind == "range" and ":" not in token.text
