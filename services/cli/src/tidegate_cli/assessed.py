"""A template's metric as a line for people. Pure; called by `draw` below the metric's own line."""

from tidegate_contracts.templates import Assessed


def shown(assessed: Assessed) -> str:
    """The conditions, the counts beside their limits, and the last measurements in a row."""
    conditions = [
        *([f"succeeds if {assessed.success_condition}"] if assessed.success_condition else []),
        *([f"fails if {assessed.failure_condition}"] if assessed.failure_condition else []),
    ]
    parts = [*(conditions or ["no condition"]), f"{_counted(assessed)}: {_row(assessed) or 'none'}", *_limits(assessed)]
    return "; ".join([*parts, *(["dry run"] if assessed.dry_run else []), f"decided by {assessed.rule}"])


def _counted(assessed: Assessed) -> str:
    of = "" if assessed.count is None else f" of {assessed.count}"
    return f"{assessed.counted}{of} measurements"


def _row(assessed: Assessed) -> str:
    return " ".join(f"{sample.phase}{f' {sample.value}' if sample.value else ''}" for sample in assessed.samples)


def _limits(assessed: Assessed) -> list[str]:
    """Only those of which there is something to say."""
    given = (
        ("failed", assessed.failed, assessed.failure_limit),
        ("inconclusive", assessed.inconclusive, assessed.inconclusive_limit),
        ("errors in a row", assessed.consecutive_errors, assessed.consecutive_error_limit),
    )
    return [f"{count} {what} (limit {'none' if limit is None else limit})" for what, count, limit in given if count]
