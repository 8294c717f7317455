"""The built-in functions that take no predicate, by name. Pure; called by `interpreter` with values that the checker
may not have seen.

A function answers a value or raises a fault; how many arguments each takes stands beside it.
"""

from collections.abc import Callable, Mapping
from typing import Final

from tidegate_metrics_analyzer.expr.budget import Budget
from tidegate_metrics_analyzer.expr.faults import mismatch
from tidegate_metrics_analyzer.expr.functions_collections import COLLECTIONS
from tidegate_metrics_analyzer.expr.functions_data import DATA
from tidegate_metrics_analyzer.expr.functions_numbers import NUMBERS
from tidegate_metrics_analyzer.expr.functions_texts import TEXTS
from tidegate_metrics_analyzer.expr.functions_times import TIMES
from tidegate_metrics_analyzer.expr.values import Value

Function = Callable[[list[Value], Budget], Value]

_TABLES: Final[tuple[Mapping[str, tuple[int, int, Function]], ...]] = (COLLECTIONS, DATA, NUMBERS, TEXTS, TIMES)


def called(name: str, arguments: list[Value], budget: Budget) -> Value:
    fewest, most, function = FUNCTIONS[name]
    if not fewest <= len(arguments) <= most:
        raise mismatch(f"invalid number of arguments of {name}: {len(arguments)}")
    return function(arguments, budget)


FUNCTIONS: Final = {name: entry for table in _TABLES for name, entry in table.items()}
