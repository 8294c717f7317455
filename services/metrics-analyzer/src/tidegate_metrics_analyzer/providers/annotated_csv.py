"""The tables that InfluxDB answers Flux with: CSV with annotations. Pure; called by `influxdb`.

Each table begins with rows of `#datatype`, `#group` and `#default`, then the columns' names; an empty line ends it.
"""

import csv
import math
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from tidegate_metrics_analyzer.question import Raw

ROWS_MAX: Final = 10_000
CELL_CHARACTERS_MAX: Final = 65_536
_NUMBERS: Final = frozenset({"double", "long", "unsignedLong"})
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|Inf)|NaN", re.ASCII)


class Record(NamedTuple):
    table: str
    value: Raw
    at_s: float | None


def records(text: str) -> list[Record]:
    """The records that have a `_value`.

    Raises:
        ValueError: it is no such table, or the server's own report of an error.
    """
    found = []
    datatypes: list[str] = []
    names: list[str] = []
    for row in _rows(text):
        if row[0] == "#datatype":
            datatypes, names = row, []
        elif row[0].startswith("#"):
            continue
        elif not names:
            names = row
            if "error" in names:
                raise ValueError("influxdb says that the query failed")
        else:
            found.append(_record(dict(zip(names, row, strict=True)), dict(zip(names, datatypes, strict=True))))
        if len(found) > ROWS_MAX:
            raise ValueError(f"more than {ROWS_MAX} records: aggregate them in the query")
    return [record for record in found if record is not None]


def _rows(text: str) -> Iterator[list[str]]:
    lines = [f"{line}\n" for line in text.split("\n")]
    if any(len(line) > CELL_CHARACTERS_MAX for line in lines):
        raise ValueError("a line of the answer is too long")
    try:
        yield from (row for row in csv.reader(lines, strict=True) if any(row))
    except csv.Error:
        raise ValueError("the answer is not what influxdb sends") from None


def _record(cells: dict[str, str], datatypes: dict[str, str]) -> Record | None:
    if "_value" not in cells:
        return None
    text, datatype = cells["_value"], datatypes["_value"]
    return Record(cells.get("table", ""), _value(text, datatype), _moment_s(cells.get("_time", "")))


def _value(text: str, datatype: str) -> Raw:
    if datatype not in _NUMBERS:
        return text == "true" if datatype == "boolean" else text
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise ValueError("a value is not a number")
    return float(text)


def _moment_s(text: str) -> float | None:
    """Epoch seconds of an RFC 3339 time, however many digits its fraction has."""
    moment_s = datetime.fromisoformat(text).timestamp() if text else None
    return moment_s if moment_s is None or math.isfinite(moment_s) else None
