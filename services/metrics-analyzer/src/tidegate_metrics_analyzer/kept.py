"""What a successor needs of an analysis to go on with it: its counts, its samples, and where its schedule is. Pure.

Made by `run` and `template_progress` after measurements, left on the bus by `holder`, and read by whichever copy takes
the order over. It is the analyzer's own business: a copy that can't read it begins afresh, as if there was none.
"""

import hashlib
from typing import Any, Final

import msgspec

from tidegate_metrics_analyzer.argo.counting import Counts
from tidegate_metrics_analyzer.judge import Progress, Verdict


class KeptCheck(msgspec.Struct, frozen=True, kw_only=True):
    query: str
    progress: Progress
    asked_s: float = msgspec.field(name="due_s")
    """When it was measured last, in epoch seconds: the schedule goes on after it.

    Stored under the name that it had when it was the moment of the schedule, so that older copies' can be read.
    """


class KeptMetric(msgspec.Struct, frozen=True, kw_only=True):
    definition: str
    """A digest: counts mean nothing for another metric of the same name."""
    query: str
    counts: Counts


class KeptTemplates(msgspec.Struct, frozen=True, kw_only=True):
    identity: str
    metrics: dict[str, KeptMetric]


class KeptRun(msgspec.Struct, frozen=True, kw_only=True):
    measures: str
    """A digest of what is measured, and of whom."""
    since_s: float
    checks: dict[str, KeptCheck]
    templates: KeptTemplates | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True, tag="analysis-kept.v1"):
    rollout: str
    order_revision: int
    at_s: float
    wall_ahead_s: float
    """Of this copy's clock that only goes forward; every process has its own."""
    started_at_s: float
    step: KeptRun | None = None
    background: KeptRun | None = None
    reported: Verdict | None = None
    """The background's verdict that is reported already."""


_DECODER: Final = msgspec.msgpack.Decoder(Kept)


def encode(kept: Kept) -> bytes:
    return msgspec.msgpack.encode(kept)


def decode(payload: bytes | None, wall_ahead_s: float) -> Kept | None:
    """With the times of the clock that only goes forward as this copy has them; None for what can't be read."""
    if payload is None:
        return None
    try:
        kept = _DECODER.decode(payload)
    except (msgspec.MsgspecError, RecursionError):
        return None
    moved_s = kept.wall_ahead_s - wall_ahead_s
    return msgspec.structs.replace(kept, step=_moved(kept.step, moved_s), background=_moved(kept.background, moved_s))


def digest(*parts: Any) -> str:
    return hashlib.sha256(msgspec.msgpack.encode(parts)).hexdigest()[:32]


def _moved(run: KeptRun | None, by_s: float) -> KeptRun | None:
    if run is None or run.templates is None:
        return run
    metrics = {
        name: msgspec.structs.replace(metric, counts=_moved_counts(metric.counts, by_s))
        for name, metric in run.templates.metrics.items()
    }
    return msgspec.structs.replace(run, templates=msgspec.structs.replace(run.templates, metrics=metrics))


def _moved_counts(counts: Counts, by_s: float) -> Counts:
    last = counts.last
    if last is None:
        return counts
    last = msgspec.structs.replace(last, started_at_s=last.started_at_s + by_s, finished_at_s=last.finished_at_s + by_s)
    return msgspec.structs.replace(counts, last=last)
