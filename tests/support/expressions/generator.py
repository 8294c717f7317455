"""Expressions from a seed: by a grammar that mostly keeps types apart, and by mutation of what it made.

Most come to a value; the rest are wrong in one place, which is where an evaluator and the real expr are likeliest to
differ.
"""

import random
import re
from collections.abc import Sequence

from support.expressions.grammar import JUNK, LEAVES, POINTERS, POOLS, SWAPPED, SWAPPED_FOR, TEMPLATES

WRONG_KIND = 0.03
MUTATED = 0.3
PARENTHESES = 0.2
POINTER = 0.3
NAME = 0.3
BRACES = 0.3
LEVELS_MAX = 4
STARTS = ("truth", "truth", "truth", "number", "text", "array", "map", "any")
PLACE = re.compile(r"<(:?)(\w+)(#?)>")


class Generator:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._predicates = 0
        self._names: list[str] = []

    def expression(self) -> str:
        self._predicates, self._names = 0, []
        text = self._kind(self._one(STARTS), 1)
        return self._mutated(text) if self._random.random() < MUTATED else text

    def below(self, count: int) -> int:
        return self._random.randrange(count)

    def _one(self, options: Sequence[str]) -> str:
        return self._random.choice(options)

    def _kind(self, kind: str, level: int) -> str:
        if self._predicates and kind != "truth" and self._random.random() < POINTER:
            return self._one(POINTERS)
        if self._names and self._random.random() < NAME:
            return self._one(self._names)
        if self._random.random() < WRONG_KIND:
            kind = self._one(tuple(TEMPLATES))
        template = self._one(LEAVES[kind] if level > LEVELS_MAX else TEMPLATES[kind])
        made = PLACE.sub(lambda place: self._filled(place, level), template)
        return f"({made})" if self._random.random() < PARENTHESES else made

    def _filled(self, place: re.Match[str], level: int) -> str:
        pool, kind, pointed = place.groups()
        if pool:
            literal = self._one(POOLS[kind])
            self._names += [literal] if kind == "name" else []
            return literal
        if not pointed:
            return self._kind(kind, level + 1)
        self._predicates += 1
        body = self._kind(kind, level + 1)
        self._predicates -= 1
        return f"{{ {body} }}" if self._random.random() < BRACES else body

    def _mutated(self, text: str) -> str:
        for _ in range(self._random.randrange(1, 3)):
            at = self._random.randrange(len(text) + 1)
            end = min(at + self._random.randrange(1, 6), len(text))
            text = self._one(
                (
                    text[:at] + text[at + 1 :],
                    text[:at] + self._one(JUNK) + text[at:],
                    text[:at] + self._one(JUNK) + text[at + 1 :],
                    text[:end] + text[at:end] + text[end:],
                    text.replace(self._one(SWAPPED), self._one(SWAPPED_FOR), 1),
                )
            )
        return text
