"""Which change of a guarded workload is held: the value of the annotation `marks.HELD`. Pure.

Written by `admission`, and by `held_change` for what slipped past; read by `held_change`, which makes the rollout's id
of it. A change may be written over before its rollout has taken it up: then the value names that one, too, so that its
rollout can be told to go back.
"""

from typing import Final, NamedTuple

LENGTH: Final = 12
"""Characters of the API server's own id of the write that go into a rollout's id."""
SEPARATOR: Final = "."


class Attempt(NamedTuple):
    id: str
    former: str = ""
    """The change that was held until then, and that no rollout had taken up."""

    @property
    def value(self) -> str:
        return f"{self.id}{SEPARATOR}{self.former}" if self.former else self.id


def read(value: str) -> Attempt:
    attempt, _, former = value.partition(SEPARATOR)
    return Attempt(attempt, former)


def following(id_of_write: str, held: str | None) -> Attempt:
    """The attempt of a further write.

    Args:
        id_of_write: The API server's.
        held: What was held until then, as it stands on the workload.
    """
    return Attempt(id_of_write.replace("-", "")[:LENGTH].lower(), read(held).id if held is not None else "")
