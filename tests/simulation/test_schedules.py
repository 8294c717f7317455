"""A short run of the simulation at every test run; `make simulate` is the long one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from saga_model import mutants, schedule
from saga_model.sweep import swept

SEEDS = 4000
DIGEST = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from saga_model.schedule import Schedule
digest = hashlib.sha256()
for seed in range(60):
    played = Schedule(seed)
    played.run()
    digest.update(repr(played.bus.log).encode())
print(digest.hexdigest())
"""


def test_no_invariant_breaks_in_thousands_of_schedules() -> None:
    broken = [result for result in map(schedule.run, swept(range(SEEDS))) if result.violation]
    assert not broken, broken[:5]


def test_the_schedules_meet_every_ending_and_crash_along_the_way() -> None:
    results = [schedule.run(seed) for seed in swept(range(400))]
    outcomes = {outcome for result in results for outcome in result.outcomes}
    assert outcomes == {
        "RolloutCompleted",
        "RolloutRolledBack",
        "RolloutCancelled",
        "RolloutFailed",
        "RolloutSuperseded",
        "RolloutRejected",
    }
    assert sum(result.crashes for result in results) > 100


def test_a_seed_plays_the_same_in_every_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1


def test_the_runner_prints_one_line_of_json() -> None:
    script = Path(__file__).parent / "run.py"
    done = subprocess.run(
        [sys.executable, str(script), "--seconds", "1", "--processes", "1", "--without-mutants"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    line = json.loads(done.stdout)
    assert line["schedules"] > 0
    assert line["violations"] == 0


@pytest.fixture(scope="module")
def hunts() -> dict[str, mutants.Hunt]:
    """From the seeds that found them last, and on from there where the saga has changed since."""
    return {hunt.mutant: hunt for hunt in mutants.hunt_all(processes=2, known=mutants.known_seeds())}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [mutant.name for mutant in mutants.MUTANTS])
def test_a_planted_bug_is_found(hunts: dict[str, mutants.Hunt], name: str) -> None:
    assert hunts[name].seed is not None, hunts[name]
