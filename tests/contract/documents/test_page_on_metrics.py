"""The page on our own metrics has each one that the code registers, with its type and labels, and no other."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from tidegate_chassis import telemetry, tracing

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "metrics.md").read_text()
KINDS = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}
ROW = re.compile(r"^\| `(tidegate_\w+)` \| (\w+) \| ([^|]*) \|", re.MULTILINE)
ATTRIBUTE = re.compile(r'"((?:messaging|tidegate|service)\.[\w.]+)"')


def modules() -> Iterator[ModuleType]:
    """Every module of the services that makes metrics."""
    for source in sorted((ROOT / "services").glob("*/src")):
        for file in sorted(source.rglob("*.py")):
            if re.search(r"^from prometheus_client import .*(Counter|Gauge|Histogram)", file.read_text(), re.MULTILINE):
                yield importlib.import_module(".".join(file.relative_to(source).with_suffix("").parts))


def registered() -> dict[str, tuple[str, frozenset[str]]]:
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for module in modules():
        for metric in vars(module).values():
            if isinstance(metric, MetricWrapperBase):
                (described,) = metric.describe()
                name = f"{described.name}_total" if isinstance(metric, Counter) else described.name
                found[name] = (KINDS[type(metric)], frozenset(metric._labelnames))
    return found


def test_the_page_has_every_metric_with_its_type_and_its_labels_and_no_other() -> None:
    told = {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in ROW.findall(PAGE)}
    assert len(ROW.findall(PAGE)) == len(told)
    assert told == registered()
    assert {"tidegate_messages_handled_total", "tidegate_kubernetes_objects", "tidegate_verdicts_total"} <= set(told)


def test_the_page_has_every_attribute_of_a_span_and_no_other() -> None:
    sources = [Path(str(module.__file__)).read_text() for module in (telemetry, tracing)]
    set_by_code = {name for source in sources for name in ATTRIBUTE.findall(source)}
    assert set(re.findall(r"`((?:messaging|tidegate|service)\.[\w.]+)`", PAGE.partition("## Traces")[2])) == set_by_code
