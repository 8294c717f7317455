"""Where Argo reads its own templates as nobody would expect, each as a switch. Pure; given to the rules that ask.

`ARGO` is the default for templates, so that they mean here what they mean there; `NONE` is the reading without them.
"""

from typing import Final

import msgspec

from tidegate_contracts.templates import Quirks


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    secrets_win: bool
    """A secret that a template declares for an argument wins over the value that the request gives."""
    texts_are_zero: bool
    """A limit that is no number is 0; otherwise it is a fault."""
    slow_retries: bool
    """After an error the next measurement comes in ten seconds, however short the interval is."""
    errors_fail: bool
    """A metric that can't be measured fails the analysis; otherwise it leaves it inconclusive."""
    whole_result_asked: bool
    """`isNil` and `default` in a condition look at the whole result, whatever they are given."""


ARGO: Final = Reading(
    secrets_win=True, texts_are_zero=True, slow_retries=True, errors_fail=True, whole_result_asked=True
)
NONE: Final = Reading(
    secrets_win=False, texts_are_zero=False, slow_retries=False, errors_fail=False, whole_result_asked=False
)


def reading(quirks: Quirks) -> Reading:
    return ARGO if quirks == "argo" else NONE
