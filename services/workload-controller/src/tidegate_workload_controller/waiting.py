"""Waiting for others, whatever order is carried out: for pods to get ready, for counts to be true, for pods to go.

Pure. A decision that has nothing to do but to wait ends here, so that no wait is without a word: where it takes longer
than the order's deadline, it is told as a stall. What stands in the way of the others is removed meanwhile.
"""

from typing import TypeVar

from msgspec.structs import replace

from tidegate_workload_controller import vitals
from tidegate_workload_controller.actions import Action, Decision, DeletePods, Progress, Report
from tidegate_workload_controller.census import Census
from tidegate_workload_controller.memory import Paced
from tidegate_workload_controller.symptoms import Symptom
from tidegate_workload_controller.vitals import PacedOrder

Remembered = TypeVar("Remembered", bound=Paced)


def wait_for(
    progress: Progress,
    order: PacedOrder,
    census: Census,
    memory: Remembered,
    now_s: float,
    *,
    live: bool,
    awaited: str = "",
    ailments: tuple[Symptom, ...] = (),
    obstacles: tuple[tuple[str, str], ...] = (),
) -> Decision[Remembered]:
    """Look again when something changes, or when it is time to say that nothing does.

    Args:
        progress: What is shown of it.
        order: What is carried out.
        census: Who is there.
        memory: What the last decision left.
        now_s: Epoch seconds.
        live: Whether that was seen live.
        awaited: What is waited for, in words, where that isn't pods to get ready.
        ailments: Why pods are not ready.
        obstacles: Pods, by name and uid, that keep the native controller from going on.
    """
    finding = vitals.unfinished(memory.vitals, order, census, ailments, now_s, awaited=awaited)
    if (finding.facts or obstacles) and not live:
        return Decision(memory, look_live=True)
    until_s = min((each for each in (finding.until_s, census.next_available_s) if each), default=None)
    removals: tuple[Action, ...] = (DeletePods(obstacles),) if obstacles else ()
    actions = (*map(Report, finding.facts), *removals)
    return Decision(replace(memory, vitals=finding.vitals), actions, until_s=until_s, progress=progress)
