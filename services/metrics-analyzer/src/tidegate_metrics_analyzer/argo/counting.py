"""A metric's measurements, counted. Pure.

Called by `template_progress` after each, and read by `schedule` and `verdict`.
"""

import msgspec

from tidegate_contracts.templates import Phase, Sample


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement that is over."""

    phase: Phase
    started_at_s: float
    finished_at_s: float
    """Both by a clock that only goes forward: a step of the wall clock must not lose or delay a measurement."""
    at_s: float = 0.0
    """When it was over, in epoch seconds, for people."""
    value: str = ""
    message: str = ""
    number: float | None = None
    """The value, where it is one finite number."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    count: int = 0
    """Those that say something: errors are not among them."""
    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    error: int = 0
    consecutive_error: int = 0
    consecutive_success: int = 0
    samples: tuple[Sample, ...] = ()
    numbers: tuple[float | None, ...] = ()
    last: Taken | None = None

    @property
    def measured(self) -> int:
        return self.count + self.error


def absorb(counts: Counts, taken: Taken, samples_kept: int) -> Counts:
    """The counts after one more measurement; one that was begun no later than the last one is no other."""
    if counts.last is not None and taken.started_at_s <= counts.last.started_at_s:
        return counts
    is_error = taken.phase == "Error"
    sample = Sample(at_s=taken.at_s, phase=taken.phase, value=taken.value)
    return Counts(
        count=counts.count + (not is_error),
        successful=counts.successful + (taken.phase == "Successful"),
        failed=counts.failed + (taken.phase == "Failed"),
        inconclusive=counts.inconclusive + (taken.phase == "Inconclusive"),
        error=counts.error + is_error,
        consecutive_error=counts.consecutive_error + 1 if is_error else 0,
        consecutive_success=counts.consecutive_success + 1 if taken.phase == "Successful" else 0,
        samples=(*counts.samples, sample)[-samples_kept:],
        numbers=(*counts.numbers, taken.number)[-samples_kept:],
        last=taken,
    )
