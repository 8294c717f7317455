"""`python tests/differential/run.py --count 100000`: our evaluator of expressions against the real expr, as JSON.

The real one is services/metrics-analyzer/tools/expr-oracle, built here with the Go on the path. Each process takes
blocks of seeds; an answer that differs otherwise than docs/expressions.md says is printed, and the exit is not zero.
`--vectors` writes the file of answers that the tests read, so that they need no Go.
"""

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from support.expressions.differences import difference, unordered  # noqa: E402 (found by the line above)
from support.expressions.generator import Generator  # noqa: E402
from support.expressions.writing import answer, result_of  # noqa: E402

ORACLE = TESTS.parent / "services/metrics-analyzer/tools/expr-oracle"
RESULTS = TESTS / "support/expressions/results.json"
VECTORS = TESTS / "unit/metrics_analyzer/expressions"
BLOCK = 1_000
VECTORS_GENERATED = 5_000
VECTORS_SEED = 1_000_000
SHOWN_MAX = 20

Question = tuple[int, str]
"""A result, by its place in results.json, and an expression."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="generated expressions")
    parser.add_argument("--first", type=int, default=0, help="the first block's seed")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--vectors", action="store_true", help="write the answers that the tests compare with")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        oracle = Path(folder) / "expr-oracle"
        subprocess.run(["go", "build", "-o", str(oracle), "."], cwd=ORACLE, check=True)
        if options.vectors:
            return _write_vectors(oracle)
        blocks = [(str(oracle), seed) for seed in range(options.first, options.first + -(-options.count // BLOCK))]
        with multiprocessing.Pool(options.processes) as pool:
            return _report(pool.imap_unordered(_compared, blocks))


def _report(found: Iterable[tuple[Counter[str], list[str]]]) -> int:
    counts: Counter[str] = Counter()
    unknown: list[str] = []
    for block_counts, block_unknown in found:
        counts += block_counts
        unknown += block_unknown
    sys.stdout.write(json.dumps(dict(counts.most_common())) + "\n")
    for line in unknown[:SHOWN_MAX]:
        sys.stdout.write(f"{line}\n")
    return 1 if unknown else 0


def _compared(block: tuple[str, int]) -> tuple[Counter[str], list[str]]:
    oracle, seed = block
    stored = json.loads(RESULTS.read_text())
    questions = _generated(seed, len(stored), BLOCK)
    results = [result_of(result) for result in stored]
    counts: Counter[str] = Counter()
    unknown: list[str] = []
    for (place, expression), theirs in zip(questions, _asked(Path(oracle), stored, questions), strict=True):
        ours = answer(expression, results[place])
        kind = difference(expression, theirs, ours)
        counts["expressions"] += 1
        counts[theirs if theirs.startswith("!") else "values"] += 1
        counts[f"differs: {kind}" if kind else "same"] += 1
        if kind == "unknown":
            unknown.append(f"seed {seed}: {expression!r} of {stored[place]!r}: expr {theirs}, ours {ours}")
    return counts, unknown


def _generated(seed: int, results: int, count: int) -> list[Question]:
    generator = Generator(seed)
    return [(generator.below(results), generator.expression()) for _ in range(count)]


def _asked(oracle: Path, stored: list[Any], questions: list[Question]) -> list[str]:
    lines = "".join(f"{json.dumps([expression, stored[place]])}\n" for place, expression in questions)
    return subprocess.run([oracle], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()


def _write_vectors(oracle: Path) -> int:
    stored = json.loads(RESULTS.read_text())
    written = [tuple(row[:2]) for row in _rows(VECTORS / "written.jsonl")]
    _write(VECTORS / "written.jsonl", written, _asked(oracle, stored, written))
    candidates = _generated(VECTORS_SEED, len(stored), 2 * VECTORS_GENERATED)
    generated = [question for question in candidates if not unordered(question[1])][:VECTORS_GENERATED]
    _write(VECTORS / "generated.jsonl", generated, _asked(oracle, stored, generated))
    return 0


def _rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _write(path: Path, questions: list[Question], answers: list[str]) -> None:
    rows = [[place, text, found] for (place, text), found in zip(questions, answers, strict=True)]
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    path.write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
