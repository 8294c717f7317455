from pathlib import Path

from tidegate_sandbox.load.journal import Follower, Journal, follow, read
from tidegate_sandbox.load.tally import Record, Summary, Tally, Window


def lines() -> tuple[Window, Summary]:
    tally = Tally(began_at_s=1.0)
    tally.finished(Record(due_s=0.0, latency_s=0.2, failure="timeout"))
    return tally.next_window(0.1, in_flight=0), tally.summary(0.1, 10.0)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "load.jsonl"
    with path.open("w") as file:
        journal = Journal(file)
        for line in lines():
            journal.write(line)
    assert list(read(path)) == list(lines())


def test_half_a_line_is_left_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "load.jsonl"
    follower = Follower(path)
    assert follower.new_lines() == []
    with path.open("w") as file:
        journal = Journal(file)
        window, summary = lines()
        journal.write(window)
        whole = path.read_text()
        file.seek(0)
        file.truncate()
        file.write(whole[:40])
        file.flush()
        assert follower.new_lines() == []
        file.write(whole[40:])
        journal.write(summary)
        assert follower.new_lines() == [window, summary]
        assert follower.new_lines() == []


async def test_following_ends_with_the_summary(tmp_path: Path) -> None:
    path = tmp_path / "load.jsonl"
    with path.open("w") as file:
        journal = Journal(file)
        for line in lines():
            journal.write(line)
    assert [type(line) async for line in follow(path)] == [Window, Summary]
