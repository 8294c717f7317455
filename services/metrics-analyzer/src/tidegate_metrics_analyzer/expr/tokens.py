"""Cuts an expression's text into tokens, as the lexer of expr v1.17 does. Pure; called by `parser`, which asks for
all at once.

A surprise kept: the text after `not` is one operator more where it is a word such as `in`; digits may hold
underscores anywhere.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tidegate_metrics_analyzer.expr.escapes import unescaped, unescaped_bytes
from tidegate_metrics_analyzer.expr.faults import syntax

WORD_OPERATORS: Final = frozenset(
    {"in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else", "not"}
)
SPACES: Final = frozenset("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {
    chr(code) for code in range(0x2000, 0x200B)
}
SIGNS: Final = (
    *("??", "?.", "?", "||", "|", "::", ":", "&&", "&=", "&*", "&", "!&", "!=", "!*", "!", "=&", "==", "=*", "="),
    *("*&", "*=", "**", "*", "<&", "<=", "<*", "<", ">&", ">=", ">*", ">", "..", ".", ",", ";", "%", "+", "-", "^"),
)
ASCII_WORD: Final = re.compile(r"[A-Za-z0-9_$]+")


class Kind(Enum):
    WORD = "word"
    NUMBER = "number"
    TEXT = "text"
    BYTES = "bytes"
    SIGN = "operator"
    BRACKET = "bracket"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind.value} {self.text!r}" if self.text else self.kind.value


def is_letter(character: str) -> bool:
    if character.isascii():
        return character.isalpha() or character in "_$"
    return unicodedata.category(character).startswith("L")


def is_word(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in "_$"
    return is_letter(character) or unicodedata.category(character) == "Nd"


def is_name(text: str) -> bool:
    return bool(text) and is_letter(text[0]) and all(is_word(character) for character in text)


def tokens_of(text: str) -> list[Token]:
    """All tokens, the last of them END."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        position = _next(text, position, tokens)
    return [*tokens, Token(Kind.END, "")]


def _next(text: str, at: int, tokens: list[Token]) -> int:  # noqa: PLR0911 (one for each sort of token)
    character = text[at]
    if character in SPACES:
        return at + 1
    if character in "'\"`" or (character in "bB" and text[at + 1 : at + 2] in ("'", '"')):
        return _quoted(text, at, tokens)
    if character in "0123456789" or (character == "." and text[at + 1 : at + 2] in tuple("0123456789")):
        return _number(text, at, tokens)
    if text.startswith(("//", "/*"), at):
        return _comment(text, at)
    if character == "#":
        return _pointer(text, at, tokens)
    if character in "([{)]}":
        tokens.append(Token(Kind.BRACKET, character))
        return at + 1
    return _sign_or_word(text, at, tokens)


def _sign_or_word(text: str, at: int, tokens: list[Token]) -> int:
    if is_word(text[at]):
        end = _word_end(text, at)
        word = text[at:end]
        tokens.append(Token(Kind.SIGN if word in WORD_OPERATORS else Kind.WORD, word))
        return end
    sign = "/" if text[at] == "/" else next((sign for sign in SIGNS if text.startswith(sign, at)), None)
    if sign is None:
        raise syntax(f"unrecognized character: {text[at]!r}")
    tokens.append(Token(Kind.SIGN, sign))
    return at + len(sign)


def _word_end(text: str, at: int) -> int:
    found = ASCII_WORD.match(text, at)
    at = at if found is None else found.end()
    while at < len(text) and is_word(text[at]):
        at += 1
    return at


def _pointer(text: str, at: int, tokens: list[Token]) -> int:
    start = at + 2 if text.startswith("##", at) else at + 1
    tokens.append(Token(Kind.SIGN, text[at:start]))
    end = _word_end(text, start)
    if end > start:
        tokens.append(Token(Kind.WORD, text[start:end]))
    return end


def _comment(text: str, at: int) -> int:
    if text.startswith("//", at):
        end = text.find("\n", at)
        return len(text) if end < 0 else end + 1
    end = text.find("*/", at + 2)
    if end < 0:
        raise syntax("unclosed comment")
    return end + 2


def _number(text: str, at: int, tokens: list[Token]) -> int:
    end = _number_end(text, at)
    if end < len(text) and is_word(text[end]):
        raise syntax(f"bad number syntax: {text[at : end + 1]!r}")
    tokens.append(Token(Kind.NUMBER, text[at:end]))
    return end


def _number_end(text: str, at: int) -> int:
    digits = "0123456789_"
    if text[at] == "0":
        at += 1
        allowed = {"x": "0123456789abcdefABCDEF_", "o": "01234567_", "b": "01_"}.get(text[at : at + 1].lower())
        if allowed is not None:
            digits, at = allowed, at + 1
    at = _run(text, at, digits)
    if text[at : at + 1] == ".":
        if text[at + 1 : at + 2] == ".":
            return at
        at = _run(text, at + 1, digits)
    if text[at : at + 1] in ("e", "E"):
        at += 2 if text[at + 1 : at + 2] in ("+", "-") else 1
        at = _run(text, at, digits)
    return at


def _run(text: str, at: int, allowed: str) -> int:
    while at < len(text) and text[at] in allowed:
        at += 1
    return at


def _quoted(text: str, at: int, tokens: list[Token]) -> int:
    if text[at] == "`":
        return _raw(text, at, tokens)
    start = at if text[at] in "'\"" else at + 1
    end = _closing(text, start)
    inside = text[start + 1 : end].replace("\r\n", "\n").replace("\r", "\n")
    if start == at:
        tokens.append(Token(Kind.TEXT, unescaped(inside)))
    else:
        tokens.append(Token(Kind.BYTES, unescaped_bytes(inside).decode("latin-1")))
    return end + 1


def _closing(text: str, start: int) -> int:
    """Where the quote closes. What stands behind a backslash is judged by `escapes`, but for one rule of the lexer's
    own.
    """
    quote, at = text[start], start + 1
    while at < len(text) and text[at] not in (quote, "\n"):
        if text[at] == "\\":
            following = text[at + 1 : at + 2]
            if following not in (*"abfnrtv\\01234567xuU", quote):
                raise syntax("invalid char escape")
            at += 1
        at += 1
    if at >= len(text) or text[at] == "\n":
        raise syntax("literal not terminated")
    return at


def _raw(text: str, at: int, tokens: list[Token]) -> int:
    end = at + 1
    while True:
        end = text.find("`", end)
        if end < 0:
            raise syntax("literal not terminated")
        if text[end + 1 : end + 2] != "`":
            break
        end += 2
    tokens.append(Token(Kind.TEXT, text[at + 1 : end].replace("``", "`")))
    return end + 1
