"""An analysis by templates taken through a time that is over: one measurement after the other, each as of its moment.

Called by `by_hand`. The same `template_run` reads, measures and judges as for a rollout; only its time is another.
"""

from collections.abc import Callable
from typing import Final

from tidegate_chassis.clock import Clock, SystemClock
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.past import PastClock
from tidegate_metrics_analyzer.template_measure import past_fault_of
from tidegate_metrics_analyzer.template_progress import TemplateProgress
from tidegate_metrics_analyzer.template_run import TemplateRun

MEASUREMENTS_MAX: Final = 2000
"""So many are asked for as fast as they are answered."""


async def measure(
    run: TemplateRun, measurer: Measurer, clock: PastClock, until_s: float, changed: Callable[[], None]
) -> bool:
    """Args:
        run: What is measured, from its beginning on.
        measurer: Where the templates are read, and who asks the metric providers; it tells the time by `clock`, too.
        clock: Is moved from one measurement to the next.
        until_s: No measurement is later, in epoch seconds.
        changed: Called whenever there may be another verdict.

    Returns:
        Whether all of that time was looked at, or as much of it as was needed to decide.
    """
    await run.read(measurer, SystemClock(), run.began_s)
    if run.progress is not None and (fault := _fault(run.progress, measurer, clock)) is not None:
        run.fault = fault
    if run.progress is None or run.fault is not None:
        return True
    for _ in range(MEASUREMENTS_MAX):
        at_s, name = run.progress.next()
        if at_s > until_s:
            run.end()
            return True
        clock.move_to(at_s)
        await run.measure_once(run.progress, name, measurer, clock)
        changed()
    return False


def _fault(progress: TemplateProgress, measurer: Measurer, clock: Clock) -> str | None:
    for name in progress.names:
        if (fault := past_fault_of(progress[name].metric, measurer, clock)) is not None:
            return f"the metric {name} can't be measured: {fault}"
    return None
