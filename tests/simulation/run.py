"""`python tests/simulation/run.py --seconds 60`: as many schedules as fit, and every planted bug; one line of
JSON.

Each process plays its own seeds, counted up from `--first`. A violation's seed goes into the line: `--seed N`
replays it, event by event. Exits non-zero where an invariant broke or a planted bug was missed.
"""

import argparse
import itertools
import json
import multiprocessing
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from saga_model import mutants, schedule, trace
from saga_model.sweep import swept

VIOLATIONS_MAX = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="play this one and print what happens")
    parser.add_argument("--mutants", action="store_true", help="only the planted bugs, as a table")
    parser.add_argument("--without-mutants", action="store_true", help="only the schedules")
    options = parser.parse_args()
    if options.seed is not None:
        return trace.main(options.seed)
    if options.mutants:
        return _table(mutants.hunt_all(options.processes))
    line = _play(options.seconds, options.processes, options.first)
    found = [] if options.without_mutants else mutants.hunt_all(options.processes)
    line["mutants_planted"] = len(found)
    line["mutants_found"] = sum(hunt.seed is not None for hunt in found)
    line["mutant_seeds"] = {hunt.mutant: hunt.seeds for hunt in found}
    sys.stdout.write(json.dumps(line) + "\n")
    return int(line["violations"] > 0 or line["mutants_found"] < line["mutants_planted"])


def _play(seconds: float, processes: int, first: int) -> dict[str, Any]:
    begun = time.monotonic()
    deadline = begun + seconds
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        parts = pool.starmap(_worker, [(first + number, processes, deadline) for number in range(processes)])
    violations = [violation for part in parts for violation in part["violations"]]
    return {
        "schedules": sum(part["schedules"] for part in parts),
        "violations": len(violations),
        "seeds": {"first": first, "last": max(part["last"] for part in parts), "violating": violations},
        "seconds": round(time.monotonic() - begun, 1),
        "processes": processes,
        "events": sum(part["events"] for part in parts),
        "orchestrator_crashes": sum(part["crashes"] for part in parts),
    }


def _worker(first: int, stride: int, deadline: float) -> dict[str, Any]:
    played = {"schedules": 0, "events": 0, "crashes": 0, "last": first, "violations": []}
    for seed in swept(itertools.count(first, stride)):
        result = schedule.run(seed)
        played["schedules"] += 1
        played["events"] += result.events
        played["crashes"] += result.crashes
        played["last"] = seed
        if result.violation:
            played["violations"].append({"seed": seed, "violation": result.violation})
        if time.monotonic() >= deadline or len(played["violations"]) >= VIOLATIONS_MAX:
            break
    return played


def _table(found: list[mutants.Hunt]) -> int:
    rows = ["| planted bug | what it does | seeds needed | found as |", "| --- | --- | --- | --- |"]
    for hunt in found:
        seeds = hunt.seeds if hunt.seed is not None else "not found"
        rows.append(f"| {hunt.mutant} | {mutants.BY_NAME[hunt.mutant].what} | {seeds} | {hunt.violation} |")
    sys.stdout.write("\n".join(rows) + "\n")
    return int(any(hunt.seed is None for hunt in found))


if __name__ == "__main__":
    sys.exit(main())
