"""Histories that were recorded once are decided the same for ever: what stands in somebody's stream stays in force."""

import sys
from pathlib import Path

import pytest
from support import histories

from tidegate_contracts.decisions import TERMINAL, Decision
from tidegate_orchestrator.fold import fold
from tidegate_orchestrator.legal import fault

FILES = sorted(Path(__file__).parent.glob("*.jsonl"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_history_is_decided_the_same(path: Path) -> None:
    for number, (then, now, _) in enumerate(histories.replayed(histories.read(path)), start=1):
        assert now == then, f"line {number}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_history_still_tells_a_state_and_its_end(path: Path) -> None:
    *_, (_, _, saga) = histories.replayed(histories.read(path))
    assert fault(fold(saga.history)) is None
    ends = [event for event in saga.history if isinstance(event, Decision) and isinstance(event, TERMINAL)]
    assert saga.rollout.ended
    assert len({event.rollout for event in ends}) == len(ends)


def test_every_story_is_recorded() -> None:
    assert {path.stem for path in FILES} >= set(histories.STORIES)


def test_a_changed_decision_would_be_seen() -> None:
    lines = histories.read(FILES[0])
    lines[1].now_s += 1.0
    assert any(then != now for then, now, _ in histories.replayed(lines))


if __name__ == "__main__":
    for name, story in histories.STORIES.items():
        target = Path(__file__).parent / f"{name}.jsonl"
        if not target.exists():
            recorder = histories.Recorder()
            story(recorder)
            histories.write(target, recorder.lines)
            sys.stdout.write(f"{target.name}: {len(recorder.lines)} lines\n")
