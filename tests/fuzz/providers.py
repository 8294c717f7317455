"""`python tests/fuzz/providers.py --cases 100000`: wrong answers for every metric provider; one line of JSON.

Each case takes a good answer and spoils it: bytes flipped, cut out or doubled, parts of the tree replaced, exchanged or
repeated, or nothing of it left. Whatever comes, nothing may be raised, and a value that is read must be finite and must
stand in the answer. `--seed N` replays one case. Exits non-zero where a case broke a promise.
"""

import argparse
import json
import math
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import provider_cases

from tidegate_chassis.settings import load
from tidegate_metrics_analyzer import reading
from tidegate_metrics_analyzer.conformance import SUBJECT, WINDOW_S
from tidegate_metrics_analyzer.outbound.request import Reply
from tidegate_metrics_analyzer.providers import reply
from tidegate_metrics_analyzer.providers.found import Found
from tidegate_metrics_analyzer.providers.structured import Structured
from tidegate_metrics_analyzer.question import Question, Reading, Unusable

NOW_S = 1_800_000_000.0
ODD = (
    None,
    True,
    False,
    "",
    "NaN",
    "Infinity",
    "1e999",
    1e308,
    -1e308,
    10**40,
    -0.0,
    [],
    {},
    [[]],
    [None],
    "\u0000",
    0,
)
NUMBER = re.compile(rb"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


class Player:
    """All providers, ready to read."""

    def __init__(self) -> None:
        self.names = [name for name in provider_cases.ANSWERS if name != "webhook"]  # it reads no bodies
        self._queries = {name: check.query for name, check in provider_cases.page_checks().items()}
        environment = provider_cases.environment(Path(tempfile.mkdtemp()))("http://127.0.0.1:1")
        kinds = {name: kind for name, kind in provider_cases.KINDS.items() if issubclass(kind, Structured)}
        self._structured = {name: kind(None, load(kind.SETTINGS, environment)) for name, kind in kinds.items()}

    def play(self, seed: int) -> tuple[str, str]:
        """The provider, and what came of the case."""
        generator = random.Random(seed)
        name = self.names[seed % len(self.names)]
        body = _spoiled(provider_cases.answer(name, NOW_S), generator)
        status = generator.choice((200, 200, 200, 200, 204, 302, 400, 500))
        value = self._read(name, body, status)
        if isinstance(value, Unusable):
            return name, "doubted"
        assert math.isfinite(value), f"{value} is not finite"
        assert 200 <= status < 300, f"a value was read from HTTP {status}"
        assert value in _numbers(body), f"{value} does not stand in the answer"
        return name, "read"

    def _read(self, name: str, body: bytes, status: int) -> Reading:
        query = self._queries[name]
        question = Question(query=query, subject=SUBJECT, window_s=WINDOW_S, at_s=NOW_S)
        if name not in self._structured:
            assert reply.decode_value(status, body) is not None
            return reading.read(reply.decode(status, body), question)
        provider = self._structured[name]
        found = provider.read(provider._document(query), Reply(status, body), question)
        return reading.read(found.answer if isinstance(found, Found) else found, question)


def _numbers(body: bytes) -> set[float]:
    return {float(text) for text in NUMBER.findall(body)} | {0.0}


def _spoiled(body: bytes, generator: random.Random) -> bytes:
    for _ in range(generator.randrange(1, 4)):
        try:
            body = _bent(body, generator) if generator.random() < 0.6 else _torn(body, generator)
        except (ValueError, RecursionError):
            body = _torn(body, generator)
    return body


def _torn(body: bytes, generator: random.Random) -> bytes:
    first, last = sorted(generator.randrange(len(body) + 1) for _ in range(2))
    way = generator.randrange(5)
    if way == 0:
        return body[:first]
    if way == 1:
        return body[:first] + body[last:]
    if way == 2:
        return body[:last] + body[first:last][:200] + body[last:]
    if way == 3:
        return body[:first] + bytes(generator.randrange(256) for _ in range(8)) + body[first:]
    return body.replace(b",", generator.choice((b";", b",,", b'",', b"\n")), generator.randrange(1, 4))


def _bent(body: bytes, generator: random.Random) -> bytes:
    """One part of the tree made another."""
    tree = json.loads(body)
    paths = list(_paths(tree, ()))
    odd = generator.choice((*ODD, *(_at(tree, path) for path in generator.sample(paths, min(3, len(paths))))))
    return json.dumps(_replaced(tree, generator.choice(paths), odd)).encode()


def _paths(tree: Any, path: tuple[Any, ...]) -> Any:
    yield path
    for name, child in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from _paths(child, (*path, name))


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        tree = tree[name]
    return tree


def _replaced(tree: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = _replaced(tree[path[0]], path[1:], odd)
    return copy


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, help="play this one only, and raise what it breaks")
    options = parser.parse_args()
    player = Player()
    if options.seed is not None:
        sys.stdout.write(f"{player.play(options.seed)}\n")
        return 0
    outcomes, broken, began_s = Counter[str](), {}, time.monotonic()
    for seed in range(options.cases):
        try:
            name, outcome = player.play(seed)
            outcomes[f"{name} {outcome}"] += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            broken[seed] = f"{type(error).__name__}: {error}"
    line = {
        "cases": options.cases,
        "seconds": round(time.monotonic() - began_s, 1),
        "broken": len(broken),
        "seeds": dict(list(broken.items())[:20]),
        "outcomes": dict(sorted(outcomes.items())),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
