"""Golden histories: stories written down as they were decided, line by line, for every later version to
decide the same.

A line holds the time, what came in, and the decisions that followed. Called by tests/contract/histories; a
file is written once and never changed, since histories like it stand in somebody's stream.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from support.saga import ANALYSIS, PROBLEM, ROUTE, Saga, request, step
from tidegate_contracts.codec import encode, event_decoder
from tidegate_contracts.controls import Approve, Cancel, Control, JumpToStep, Pause, Resume, Retry, RollBack
from tidegate_contracts.decisions import Decision
from tidegate_contracts.facts import (
    AnyFact,
    BatchDegraded,
    BatchStalled,
    TrafficRefused,
    WorkloadGone,
    WorkloadRefused,
)
from tidegate_contracts.orders import PromoteWorkload
from tidegate_contracts.rollout import Bake, CanaryMetadata, HttpMatch, RolloutRequested, Step, StepTraffic
from tidegate_contracts.rollout import Pause as StepPause


class Line(msgspec.Struct, omit_defaults=True, kw_only=True):
    now_s: float
    decisions: list[msgspec.Raw]
    request: RolloutRequested | None = None
    control: Control | None = None
    fact: dict[str, Any] | None = None
    rollout: str = ""


class Recorder(Saga):
    """Writes down what comes in and what is decided on it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    def ask(self, wanted: RolloutRequested | None = None, *, sequence: int | None = None, **fields: Any) -> list[str]:
        wanted = wanted if wanted is not None else request(**fields)
        before = len(self.history)
        said = super().ask(wanted, sequence=sequence)
        self._note(before, request=wanted)
        return said

    def tell(self, control: Control, rollout: str | None = None) -> list[str]:
        before = len(self.history)
        said = super().tell(control, rollout)
        self._note(before, control=control, rollout=rollout or self.rollout.id)
        return said

    def report(self, fact: AnyFact) -> list[str]:
        before = len(self.history) + 1
        said = super().report(fact)
        self._note(before, fact=msgspec.json.decode(encode(fact)))
        return said

    def wait(self, seconds: float) -> list[str]:
        before = len(self.history)
        said = super().wait(seconds)
        self._note(before)
        return said

    def _note(self, before: int, **came_in: Any) -> None:
        decisions = [msgspec.Raw(encode(event)) for event in self.history[before:]]
        self.lines.append(Line(now_s=self.now_s, decisions=decisions, **came_in))


def read(path: Path) -> list[Line]:
    return [msgspec.json.decode(line, type=Line) for line in path.read_bytes().splitlines()]


def write(path: Path, lines: list[Line]) -> None:
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def replayed(lines: list[Line]) -> Iterator[tuple[list[bytes], list[bytes], Saga]]:
    """For each line what was decided then, what is decided now, and where that leads."""
    saga = Saga()
    for line in lines:
        saga.now_s = line.now_s
        before = len(saga.history)
        if line.request is not None:
            saga.ask(line.request)
        elif line.control is not None:
            saga.tell(line.control, line.rollout)
        elif line.fact is not None:
            before += 1
            saga.report(event_decoder.decode(msgspec.json.encode(line.fact)))  # type: ignore[arg-type]
        else:
            saga.wait(0.0)
        assert all(isinstance(event, Decision) for event in saga.history[before:])
        yield [_as_now(bytes(raw)) for raw in line.decisions], [encode(event) for event in saga.history[before:]], saga


def _as_now(recorded: bytes) -> bytes:
    """A decision as it was written then, with the fields that decisions got since, which say what was so before."""
    written = encode(event_decoder.decode(recorded))
    assert _keeps(msgspec.json.decode(written), msgspec.json.decode(recorded)), recorded
    return written


def _keeps(written: Any, recorded: Any) -> bool:
    if isinstance(recorded, dict):
        return all(name in written and _keeps(written[name], value) for name, value in recorded.items())
    if isinstance(recorded, list):
        return len(written) == len(recorded) and all(map(_keeps, written, recorded))
    return bool(written == recorded)


# the stories

_THREE = (step("20%", 20), step("60%", 60), step("100%"))


def _forward(saga: Recorder) -> None:
    saga.ask(request(step("20%"), step("40%"), step("60%"), step("80%"), step("100%"), rollout="web-2"))
    saga.to_end()


def _forward_with_everything(saga: Recorder) -> None:
    ann = StepTraffic(weight_percent=0, matches=(HttpMatch(headers={"user": "ann"}),))
    steps = (
        Step(replicas=1, traffic=ann, pause=StepPause()),
        step("50%", 50, pause=StepPause(duration_s=30.0), analysis=ANALYSIS),
        step("100%", analysis=ANALYSIS),
    )
    saga.ask(request(*steps, traffic=(ROUTE,), analysis=ANALYSIS, rollout="web-2"))
    saga.to_step(1)
    _answer_all(saga)
    saga.tell(Approve(by="ann", step=1))
    _answer_all(saga)
    saga.wait(10.0)
    saga.wait(25.0)
    saga.to_end()


def _answer_all(saga: Recorder) -> None:
    while saga.is_asked:
        saga.answer()


def _bad_version(saga: Recorder) -> None:
    saga.ask(request(step("20%", 20, analysis=ANALYSIS), *_THREE[1:], traffic=(ROUTE,), rollout="web-2"))
    saga.to_step(1)
    saga.ready()
    saga.shifted()
    saga.ready()
    saga.judged("fail")
    saga.to_end()


def _degraded_and_mended(saga: Recorder) -> None:
    saga.ask(request(*_THREE, traffic=(ROUTE,), on_failure="pause", rollout="web-2"))
    saga.to_step(2)
    broken = BatchDegraded(**saga.pod_fields(), step=2, reason="2 of 6 pods are not ready", counts=saga.counts(4))
    saga.report(broken)
    saga.shifted()
    saga.tell(Resume(by="ann"))
    saga.to_end()


def _superseded(saga: Recorder) -> None:
    saga.ask(request(*_THREE, traffic=(ROUTE,), analysis=ANALYSIS, rollout="web-2"))
    saga.to_step(2)
    saga.ask(request(*_THREE, traffic=(ROUTE,), rollout="web-3"))
    saga.to_end()


def _superseded_when_it_was_whole(saga: Recorder) -> None:
    saga.ask(request(step("100%", analysis=ANALYSIS), traffic=(ROUTE,), rollout="web-2"))
    saga.to_step(1)
    saga.ready()
    saga.shifted()
    saga.ready()
    saga.ask(request(*_THREE, traffic=(ROUTE,), rollout="web-3"))
    saga.to_end()


def _told_by_people(saga: Recorder) -> None:
    saga.ask(request(*_THREE, traffic=(ROUTE,), rollout="web-2"))
    saga.to_step(1)
    saga.tell(Pause(by="ann", reason="lunch"))
    saga.ready()
    saga.tell(Approve(by="bob"))
    saga.tell(Resume(by="ann"))
    saga.to_step(2)
    saga.tell(JumpToStep(step=1, by="ann"))
    saga.shifted()
    saga.tell(Retry(by="ann"))
    saga.to_step(2)
    saga.tell(RollBack(by="ann", reason="too slow"))
    saga.to_end()
    saga.tell(Cancel(by="bob"))


def _cancelled(saga: Recorder) -> None:
    saga.ask(request(*_THREE, traffic=(ROUTE,), rollout="web-2"))
    saga.to_step(2)
    saga.tell(Cancel(by="ann"))
    saga.to_end()


def _refused(saga: Recorder) -> None:
    saga.ask(request(step("0%"), rollout="web-1"))
    saga.ask(request(rollout="web-2"))
    saga.report(WorkloadRefused(**saga.pod_fields(), problem=PROBLEM))
    saga.ask(request(*_THREE, traffic=(ROUTE,), rollout="web-3"))
    saga.prepared()
    saga.report(TrafficRefused(**saga.traffic_fields(), problem=PROBLEM))
    saga.to_end()


def _deleted(saga: Recorder) -> None:
    saga.ask(request(*_THREE, traffic=(ROUTE,), rollout="web-2"))
    saga.to_step(2)
    saga.report(WorkloadGone(**saga.pod_fields()))
    saga.to_end()


_PREVIEW = (step("50%", 0), step("100%", 0), step("100%", 50, pause=StepPause()), step("100%", 100, analysis=ANALYSIS))


def _canary_forward(saga: Recorder) -> None:
    metadata = CanaryMetadata(labels={"track": "canary"}, annotations={"owner": "shop"})
    steps = (step(1, 10, analysis=ANALYSIS), step("50%", 50))
    fields = {"strategy": "canary", "canary_metadata": metadata, "failure_threshold": "10%", "traffic": (ROUTE,)}
    saga.ask(request(*steps, **fields, rollout="web-2"))
    saga.to_end()


def _blue_green_forward(saga: Recorder) -> None:
    saga.ask(request(*_PREVIEW, strategy="blue_green", traffic=(ROUTE,), analysis=ANALYSIS, rollout="web-2"))
    saga.to_step(3)
    _answer_all(saga)
    saga.tell(Approve(by="ann"))
    saga.to_end()


def _blue_green_back(saga: Recorder) -> None:
    saga.ask(request(*_PREVIEW, strategy="blue_green", traffic=(ROUTE,), rollout="web-2"))
    saga.to_step(3)
    _answer_all(saga)
    saga.tell(Approve(by="ann"))
    saga.to_step(4)
    saga.ready()
    saga.shifted()
    saga.judged("fail")
    saga.to_end()


def _to_promotion(saga: Recorder) -> None:
    while not isinstance(saga.orders.workload, PromoteWorkload):
        saga.answer()


def _canary_back_from_its_promotion(saga: Recorder) -> None:
    saga.ask(request(step("100%", 100), strategy="canary", traffic=(ROUTE,), rollout="web-2"))
    _to_promotion(saga)
    saga.report(BatchStalled(**saga.pod_fields(), step=0, reason="no further pod got ready"))
    saga.tell(Retry(by="ann"))
    saga.tell(RollBack(by="ann", reason="too slow"))
    saga.to_end()


def _another_style(saga: Recorder) -> None:
    saga.ask(request(*_THREE, strategy="canary", traffic=(ROUTE,), rollout="web-2"))
    saga.to_step(2)
    saga.ask(request(*_THREE, strategy="blue_green", traffic=(ROUTE,), rollout="web-3"))
    saga.ask(request(*_THREE, traffic=(ROUTE,), rollout="web-4"))
    saga.to_end()


def _superseded_in_its_promotion(saga: Recorder) -> None:
    saga.ask(request(step("100%", 100), strategy="canary", traffic=(ROUTE,), rollout="web-2"))
    _to_promotion(saga)
    saga.ask(request(step("50%", 50), strategy="canary", traffic=(ROUTE,), rollout="web-3"))
    saga.to_end()


def _back_in_batches(saga: Recorder) -> None:
    saga.ask(request(*_THREE, traffic=(ROUTE,), rollback="in_batches", rollout="web-2"))
    saga.to_step(3)
    saga.tell(RollBack(by="ann", reason="too slow"))
    saga.shifted()
    saga.ready()
    saga.report(BatchStalled(**saga.pod_fields(), step=1, reason="no further pod got ready"))
    saga.tell(RollBack(by="ann", reason="now", pace="at_once"))
    saga.to_end()


def _told_of_other_plans(saga: Recorder) -> None:
    """While it prepares, in a pause, with more pods, with more traffic, and, refused, on its way back."""
    steps = (step("20%", 20, pause=StepPause()), step("60%", 60), step("100%"))
    saga.ask(request(*steps, traffic=(ROUTE,), rollout="web-2"))
    saga.replan(*steps, analysis=ANALYSIS)
    saga.to_step(1)
    _answer_all(saga)
    saga.replan(step("20%", 20, pause=StepPause(duration_s=90.0)), *steps[1:], failure_threshold=1)
    saga.replan(step("40%", 20, pause=StepPause(duration_s=30.0)), *steps[1:])
    _answer_all(saga)
    saga.replan(step("10%", 20), step("20%", 20), step("40%", 30, pause=StepPause(duration_s=30.0)), *steps[1:])
    _answer_all(saga)
    saga.wait(10.0)
    saga.replan(step("10%", 20), step("20%", 20), step("40%", 30), *steps[1:])
    saga.replan(step("0%"), step("120%"))
    saga.tell(RollBack(by="ann", reason="too slow"))
    saga.replan(*steps)
    saga.to_end()


def _baked(saga: Recorder) -> None:
    """Another plan makes it longer, somebody pauses, and its time and its verdict end it."""
    saga.ask(request(*_THREE, traffic=(ROUTE,), analysis=ANALYSIS, bake=_BAKE, rollout="web-2"))
    saga.to_bake()
    saga.wait(100.0)
    saga.replan(bake=replace(_BAKE, duration_s=900.0))
    saga.tell(Pause(by="ann", reason="a look"))
    saga.tell(Resume(by="ann"))
    saga.to_end()


def _back_from_its_bake(saga: Recorder) -> None:
    """Inconclusive first, done again when told, and bad then; a newer one's bake is ended by somebody."""
    saga.ask(request(*_THREE, traffic=(ROUTE,), strategy="canary", bake=_BAKE, rollout="web-2"))
    saga.to_bake()
    saga.judged("inconclusive", scope="bake")
    saga.tell(Resume(by="ann"))
    saga.to_bake()
    saga.judged("fail", scope="bake")
    saga.to_end()
    saga.ask(request(bake=_BAKE, rollout="web-3"))
    saga.to_bake()
    saga.tell(Approve(by="ann"))
    saga.to_end()


_BAKE = Bake(duration_s=600.0, analysis=ANALYSIS)

STORIES: dict[str, Callable[[Recorder], None]] = {
    "01-forward": _forward,
    "02-forward-with-everything": _forward_with_everything,
    "03-bad-version": _bad_version,
    "04-degraded-and-mended": _degraded_and_mended,
    "05-superseded": _superseded,
    "06-superseded-when-it-was-whole": _superseded_when_it_was_whole,
    "07-told-by-people": _told_by_people,
    "08-cancelled": _cancelled,
    "09-refused": _refused,
    "10-deleted": _deleted,
    "11-canary-forward": _canary_forward,
    "12-blue-green-forward": _blue_green_forward,
    "13-blue-green-back": _blue_green_back,
    "14-canary-back-from-its-promotion": _canary_back_from_its_promotion,
    "15-another-style": _another_style,
    "16-superseded-in-its-promotion": _superseded_in_its_promotion,
    "17-back-in-batches": _back_in_batches,
    "18-told-of-other-plans": _told_of_other_plans,
    "19-baked": _baked,
    "20-back-from-its-bake": _back_from_its_bake,
}
