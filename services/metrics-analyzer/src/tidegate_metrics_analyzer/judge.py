"""From readings to verdicts, by rules that a person can follow on paper. Pure; called by `analysis`.

A reading within the check's range is a pass, one outside is a failure and starts the count of passes anew, and an
unusable one is neither: it says nothing, so it can't help a check to pass nor save it from failing. The provider's
errors are counted in a row of their own. Neither row is ended by anything but a value within the range, or else one
more failure could make a pass of doubt. A flapping check therefore never
passes; it ends at its deadline as inconclusive.
"""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from tidegate_contracts.facts import Measurement
from tidegate_contracts.problem import printable
from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer import comparison
from tidegate_metrics_analyzer.comparison import Judged
from tidegate_metrics_analyzer.question import Reading, Unanswered, Unusable

Verdict = Literal["pass", "fail", "inconclusive"]

VALUES_KEPT: Final = 20
"""The last values of each check go into the evidence."""

QUERY_BYTES_KEPT: Final = 1536
"""So much of each query goes into the evidence, so that the largest analysis still fits into one event."""


UTF8_BYTES_MAX: Final = 4
"""Of one character."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One check's measurements so far."""

    passes: int = 0
    """Within the range, none outside since."""
    failures_in_a_row: int = 0
    unusable_in_a_row: int = 0
    errors_in_a_row: int = 0
    """Of both: none within the range since."""
    measured: int = 0
    failed: int = 0
    inconclusive: int = 0
    """Without a usable value, errors among them."""
    errors: int = 0
    values: tuple[float | None, ...] = ()
    doubt: str = ""
    """Why the last unusable reading was none."""
    first_at_s: float | None = None
    last_at_s: float | None = None
    """When it was measured, in epoch seconds."""
    judged: Judged | None = None
    """Of a check that compares: what the last usable look found, which covers all the looks before."""


def absorb(check: Check, progress: Progress, reading: Reading | Judged, at_s: float) -> Progress:
    """The progress after one more reading, which was asked for at `at_s`."""
    first_s = at_s if progress.first_at_s is None else progress.first_at_s
    progress = msgspec.structs.replace(progress, first_at_s=first_s, last_at_s=at_s)
    if isinstance(reading, Judged):
        return msgspec.structs.replace(
            progress,
            judged=reading,
            values=reading.canary_values,
            measured=progress.measured + 1,
            failed=progress.failed + (reading.verdict == "fail"),
            unusable_in_a_row=0,
            errors_in_a_row=0,
        )
    values = (*progress.values, None if isinstance(reading, Unusable) else reading)[-VALUES_KEPT:]
    seen = msgspec.structs.replace(progress, measured=progress.measured + 1, values=values)
    if isinstance(reading, Unusable):
        return _doubted(seen, reading)
    if within(check, reading):
        return msgspec.structs.replace(
            seen, passes=progress.passes + 1, failures_in_a_row=0, unusable_in_a_row=0, errors_in_a_row=0
        )
    return msgspec.structs.replace(
        seen,
        passes=0,
        failures_in_a_row=progress.failures_in_a_row + 1,
        failed=progress.failed + 1,
    )


def _doubted(seen: Progress, reading: Unusable) -> Progress:
    is_error = isinstance(reading, Unanswered)
    return msgspec.structs.replace(
        seen,
        unusable_in_a_row=seen.unusable_in_a_row + (not is_error),
        errors_in_a_row=seen.errors_in_a_row + is_error,
        inconclusive=seen.inconclusive + 1,
        errors=seen.errors + is_error,
        doubt=reading.reason,
    )


def within(check: Check, value: float) -> bool:
    """Whether the value is in the range. NaN compares as false, so it never is; nor is anything without a limit."""
    if check.minimum is None and check.maximum is None:
        return False
    above = check.minimum is None or value >= check.minimum
    below = check.maximum is None or value <= check.maximum
    return above and below


def verdict_of_check(check: Check, progress: Progress) -> Verdict | None:
    """None while it can't be said yet. Doubt outranks earlier passes: old good values don't vouch for now."""
    if progress.failures_in_a_row >= check.failure_limit or _verdict_compared(progress) == "fail":
        return "fail"
    if progress.unusable_in_a_row >= check.inconclusive_limit or is_in_error(check, progress):
        return "inconclusive"
    if check.compare is not None:
        return None if _is_doubted(progress) else _verdict_compared(progress)
    return "pass" if progress.passes >= check.count else None


def is_in_error(check: Check, progress: Progress) -> bool:
    """Whether the provider gave no answer more often in a row than is borne, by Argo's count."""
    return progress.errors_in_a_row > check.consecutive_error_limit


def _is_doubted(progress: Progress) -> bool:
    return progress.unusable_in_a_row + progress.errors_in_a_row > 0


def _verdict_compared(progress: Progress) -> Verdict | None:
    return progress.judged.verdict if progress.judged is not None else None


def side(check: Check, progress: Progress) -> Literal["high", "low"]:
    """Where the values of a check that failed lie, seen from its range or from the stable's."""
    if progress.judged is not None:
        return progress.judged.found.side or "high"
    last = _last(progress)
    is_low = check.minimum is not None and last is not None and last < check.minimum
    return "low" if is_low else "high"


def verdict_of_step(verdicts: Iterable[Verdict | None]) -> Verdict | None:
    """One failing check fails the step at once. Otherwise every check is waited for, an inconclusive one too:
    another may still fail, and going back at once is safer than a pause.
    """
    found = tuple(verdicts)
    if "fail" in found:
        return "fail"
    if None in found or not found:
        return None
    return "inconclusive" if "inconclusive" in found else "pass"


def verdict_in_background(verdicts: Iterable[Verdict | None]) -> Verdict | None:
    """What is worth reporting while a rollout goes on: bad news. Passing only means that it goes on."""
    found = tuple(verdicts)
    if "fail" in found:
        return "fail"
    return "inconclusive" if "inconclusive" in found else None


def reason_of_check(check: Check, progress: Progress) -> str:
    """One sentence for people, with the numbers."""
    if check.compare is not None:
        return _reason_compared(check, progress)
    last = _last(progress)
    match verdict_of_check(check, progress):
        case "fail":
            return f"{progress.failures_in_a_row} measurements in a row were not {_range(check)}, the last was {last:g}"
        case "inconclusive":
            return f"{_row_of_doubt(check, progress)}: {progress.doubt}"
        case "pass":
            return f"{progress.passes} measurements were {_range(check)}, the last was {last:g}"
    doubt = f"; the last unusable one: {progress.doubt}" if _is_doubted(progress) else ""
    return f"{progress.passes} of {check.count} measurements were {_range(check)} so far{doubt}"


def _row_of_doubt(check: Check, progress: Progress) -> str:
    """Errors and missing values count in a row each: where only one kind came, nothing stood between."""
    between = ["failures"] if progress.failures_in_a_row else []
    if is_in_error(check, progress):
        between = ["unusable values", *between] if progress.unusable_in_a_row else between
        count, what = progress.errors_in_a_row, "no answer"
    else:
        between = ["errors", *between] if progress.errors_in_a_row else between
        count, what = progress.unusable_in_a_row, "no usable value"
    row = f"with only {' and '.join(between)} between them" if between else "in a row"
    return f"{count} measurements {row} had {what}"


def _reason_compared(check: Check, progress: Progress) -> str:
    found = comparison.reason(progress.judged) if progress.judged is not None else "no pair of values so far"
    match verdict_of_check(check, progress):
        case "inconclusive":
            what = "no answer" if is_in_error(check, progress) else "no usable pair"
            count = progress.errors_in_a_row if is_in_error(check, progress) else progress.unusable_in_a_row
            return f"{count} looks in a row had {what}: {progress.doubt}; {found}"
        case None if _is_doubted(progress):
            return f"{found}; the last look had no usable pair: {progress.doubt}"
    return found


def rule_of_check(check: Check) -> str:
    """What makes which verdict, for who reads the event and knows nothing of the request."""
    doubt = (
        f"{check.inconclusive_limit} in a row without a usable value, or more than {check.consecutive_error_limit} "
        "without an answer, make it inconclusive"
    )
    if (compare := check.compare) is not None:
        return printable(
            f"fails where the new version's values are worse than the stable's ({compare.direction}), by more than "
            f"{compare.tolerance_percent:g} % of the stable's and {compare.tolerance:g}: early by odds, or by a rank "
            f"test after {compare.points} pairs, one each {check.window_s:g} s; otherwise it passes then; {doubt}"
        )
    return printable(
        f"{check.count} measurements {_range(check)} with none outside between them pass it, {check.failure_limit} "
        f"outside in a row fail it, "
        f"{doubt}; one each {check.interval_s:g} s, looking back {check.window_s:g} s"
    )


def evidence(check: Check, query: str, progress: Progress, fault: str | None = None) -> Measurement:
    """The check's part of an event; an undecided check, and one that can't be measured at all, is inconclusive."""
    return Measurement(
        check=check.name,
        query=shortened(query),
        verdict="inconclusive" if fault else verdict_of_check(check, progress) or "inconclusive",
        reason=printable(fault or reason_of_check(check, progress)),
        values=progress.values,
        minimum=check.minimum,
        maximum=check.maximum,
        measured=progress.measured,
        failed=progress.failed,
        inconclusive=progress.inconclusive,
        errors=progress.errors,
        rule=rule_of_check(check),
        first_at_s=progress.first_at_s,
        last_at_s=progress.last_at_s,
        dry_run=check.dry_run,
        compared=progress.judged.found if progress.judged is not None else None,
    )


def _last(progress: Progress) -> float | None:
    return next((value for value in reversed(progress.values) if value is not None), None)


def _range(check: Check) -> str:
    if check.minimum is None:
        return f"at most {check.maximum:g}" if check.maximum is not None else "within any limit"
    return f"at least {check.minimum:g}" if check.maximum is None else f"in {check.minimum:g} to {check.maximum:g}"


def shortened(query: str, bytes_kept: int = QUERY_BYTES_KEPT) -> str:
    """On one line, and cut to what an event has room for."""
    line = " ".join(query.split())
    if len(line) * UTF8_BYTES_MAX <= bytes_kept and line.isprintable():
        return line
    visible = "".join(character if character.isprintable() else "?" for character in line).encode()
    if len(visible) <= bytes_kept:
        return visible.decode()
    return visible[:bytes_kept].decode(errors="ignore") + "…"
