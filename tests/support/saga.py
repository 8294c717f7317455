"""Given, when, then for the saga: a history of one workload, folded and decided on as the orchestrator does it.

`Saga` plays the services' part, too: each helper reports what a healthy service would report to the order in force.
"""

from typing import Any, TypeVar

from msgspec.structs import replace

from tidegate_contracts import envelope
from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.controls import Control, Replan
from tidegate_contracts.decisions import Decision, RolloutAccepted, RolloutRejected
from tidegate_contracts.facts import (
    AnalysisConcluded,
    AnyFact,
    BatchReady,
    PodCounts,
    TrafficReleased,
    TrafficShifted,
    WorkloadPrepared,
    WorkloadPromoted,
    WorkloadReleased,
)
from tidegate_contracts.orders import (
    Analyse,
    ApplyBatch,
    PromoteWorkload,
    ReleaseTraffic,
    ReleaseWorkload,
    ShiftTraffic,
)
from tidegate_contracts.problem import Problem
from tidegate_contracts.rollout import (
    Analysis,
    Change,
    Check,
    Pause,
    RolloutRequested,
    Step,
    StepTraffic,
    TrafficReference,
)
from tidegate_contracts.validate import validate, validate_control
from tidegate_contracts.workload import WorkloadReference
from tidegate_orchestrator.decide import decide
from tidegate_orchestrator.evolve import evolve
from tidegate_orchestrator.inputs import Input, Reported, Requested, Told, Woken
from tidegate_orchestrator.orders import Orders, orders
from tidegate_orchestrator.state import Baking, Ended, Judging, Rollout, Workload

_Order = TypeVar("_Order")

REPLICAS = 10
ROUTE = TrafficReference(route="web", service="web")
ANALYSIS = Analysis(checks=(Check(name="errors", query="errors", maximum=0.01),))
PROBLEM = Problem(field="spec", value="x", rule="something else", remedy="Mend it.")


def step(
    replicas: int | str,
    weight_percent: int | None = None,
    *,
    pause: Pause | None = None,
    analysis: Analysis | None = None,
) -> Step:
    traffic = StepTraffic(weight_percent=weight_percent) if weight_percent is not None else None
    return Step(replicas=replicas, traffic=traffic, pause=pause, analysis=analysis)


def request(*steps: Step, **fields: Any) -> RolloutRequested:
    """A request for web; two steps without traffic unless told otherwise."""
    return RolloutRequested(
        workload=WorkloadReference(name="web"),
        steps=steps or (step("50%"), step("100%")),
        **{"change": Change(images={"web": "web:v2"}), **fields},
    )


class Saga:
    """One workload; each method returns the decisions that it led to."""

    def __init__(self) -> None:
        self.workload = Workload()
        self.history: list[AnyEvent] = []
        self.inputs: list[Input] = []
        self.now_s = 1000.0
        self.counter = 0

    # what the test looks at

    @property
    def rollout(self) -> Rollout:
        assert self.workload.rollout is not None
        return self.workload.rollout

    @property
    def orders(self) -> Orders:
        return orders(self.workload)

    @property
    def said(self) -> list[str]:
        """The kinds of all decisions so far."""
        return [type(event).__name__ for event in self.history if isinstance(event, Decision)]

    @property
    def terminal(self) -> str:
        phase = self.rollout.phase
        return phase.outcome if isinstance(phase, Ended) else ""

    # what happens

    def when(self, message: Input) -> list[str]:
        self.inputs.append(message)
        decided = decide(self.workload, message, self.now_s)
        for decision in decided.decisions:
            self.workload = evolve(self.workload, decision)
        assert self.workload == decided.workload, "the decisions lead to the state that was decided on"
        self.history += decided.decisions
        return [type(decision).__name__ for decision in decided.decisions]

    def next_id(self, kind: str) -> str:
        self.counter += 1
        return f"{kind}-{self.counter}"

    def ask(self, wanted: RolloutRequested | None = None, *, sequence: int | None = None, **fields: Any) -> list[str]:
        wanted = wanted if wanted is not None else request(**fields)
        message_id = self.next_id("request")
        rollout = wanted.rollout or envelope.rollout_id(message_id)
        found = [event for event in self.history if isinstance(event, RolloutAccepted | RolloutRejected)]
        accepted = [event for event in found if isinstance(event, RolloutAccepted)]
        return self.when(
            Requested(
                id=message_id,
                request=wanted,
                sequence=self.counter if sequence is None else sequence,
                rollout=rollout,
                spare_rollout=envelope.rollout_id(message_id),
                problems=validate(wanted, "shop"),
                earlier=tuple(event for event in found if event.rollout == rollout),
                newest=accepted[-1] if accepted else None,
            )
        )

    def tell(self, control: Control, rollout: str | None = None) -> list[str]:
        problems = validate_control(control, "shop") if isinstance(control, Replan) else ()
        told = rollout or self.rollout.id
        return self.when(Told(id=self.next_id("control"), rollout=told, control=control, problems=problems))

    def replan(self, *steps: Step, **fields: Any) -> list[str]:
        """Another plan for the rollout under way: its request with these steps, or the same ones, and fields."""
        present = self.rollout.request
        return self.tell(Replan(request=replace(present, steps=steps or present.steps, **fields), by="ann"))

    def report(self, fact: AnyFact) -> list[str]:
        self.report_unseen(fact)
        return self.when(Reported(id=self.next_id("fact"), fact=fact))

    def report_unseen(self, fact: AnyFact) -> None:
        """The fact stands in the history, and its delivery is still to come."""
        self.history.append(fact)
        self.workload = evolve(self.workload, fact)

    def wait(self, seconds: float) -> list[str]:
        self.now_s += seconds
        return self.when(Woken(id=self.next_id("timer")))

    # what healthy services report

    def prepared(self, stable_revision: str = "v1") -> list[str]:
        return self.report(self.prepared_fact(self.counts(0), stable_revision))

    def prepared_fact(self, counts: PodCounts, stable_revision: str = "v1") -> WorkloadPrepared:
        fields = {"stable_revision": stable_revision, "template_digest": "digest"}
        return WorkloadPrepared(**self.pod_fields(), **fields, counts=counts)

    def ready(self, **fields: Any) -> list[str]:
        return self.report(self.ready_fact(**fields))

    def ready_fact(self, **fields: Any) -> BatchReady:
        order = self.standing(ApplyBatch, self.orders.workload)
        updated = order.target.count or -(-REPLICAS * (order.target.percent or 0) // 100)
        ready = {
            "step": order.step,
            "settled": order.settle or order.style != "partition",
            "canary_revision": "v2",
            "target_pods": updated,
            "counts": self.counts(updated),
        }
        return BatchReady(**self.pod_fields(), **{**ready, **fields})

    def shifted(self) -> list[str]:
        order = self.standing(ShiftTraffic, self.orders.traffic)
        fields = {"weight_percent": order.weight_percent, "accepted_at_s": self.now_s}
        return self.report(TrafficShifted(**self.traffic_fields(), **fields))

    def judged(self, verdict: str = "pass", scope: str = "step") -> list[str]:
        return self.report(self.verdict_fact(verdict, scope))

    def verdict_fact(self, verdict: str, scope: str) -> AnalysisConcluded:
        order = self.standing(Analyse, self.orders.analysis)
        return AnalysisConcluded(
            rollout=order.rollout,
            order_revision=order.revision,
            at_s=self.now_s,
            scope=scope,
            step=order.step,
            verdict=verdict,
            reason=f"errors: {verdict}",
            started_at_s=order.since_s,
        )

    def promoted(self) -> list[str]:
        self.standing(PromoteWorkload, self.orders.workload)
        return self.report(WorkloadPromoted(**self.pod_fields(), counts=self.counts(REPLICAS)))

    def released(self) -> list[str]:
        order = self.standing(ReleaseWorkload, self.orders.workload)
        return self.report(WorkloadReleased(**self.pod_fields(), mode=order.mode))

    def traffic_released(self) -> list[str]:
        self.standing(ReleaseTraffic, self.orders.traffic)
        return self.report(TrafficReleased(**self.traffic_fields()))

    def to_step(self, number: int) -> "Saga":
        """Answers every order well until the step's pods are ordered."""
        while not (isinstance(self.orders.workload, ApplyBatch) and self.orders.workload.step == number):
            self.answer()
        return self

    def to_bake(self) -> "Saga":
        while not isinstance(self.rollout.phase, Baking):
            self.answer()
        return self

    def to_end(self) -> "Saga":
        while not self.rollout.ended:
            self.answer()
        return self

    def answer(self) -> list[str]:
        """One good answer to whichever order has none yet."""
        rollout = self.rollout
        if rollout.routes is not None and not rollout.routes.answered:
            return self.traffic_released() if isinstance(rollout.routes.order, ReleaseTraffic) else self.shifted()
        if isinstance(rollout.phase, Baking):
            return self.baked(rollout.phase)
        return self._answer_for_pods() if rollout.pods.told and rollout.pods.answer is None else self.judged()

    def baked(self, bake: Baking) -> list[str]:
        """Its time is over, and what is measured has passed."""
        order = self.orders.analysis
        passed = self.judged(scope="bake") if isinstance(order, Analyse) and order.watch_until_s else []
        return passed or self.wait(max(0.0, bake.until_s - self.now_s))

    def _answer_for_pods(self) -> list[str]:
        match self.orders.workload:
            case ApplyBatch():
                return self.ready()
            case PromoteWorkload():
                return self.promoted()
            case ReleaseWorkload():
                return self.released()
            case _:
                return self.prepared()

    def answer_if_asked(self) -> list[str]:
        """A good answer, unless every order has its answer and somebody is waited for."""
        return self.answer() if self.is_asked else []

    @property
    def is_asked(self) -> bool:
        """Whether an order in force has no answer yet."""
        rollout = self.rollout
        order = self.orders.analysis
        judged = isinstance(rollout.phase, Judging) and isinstance(order, Analyse) and order.step_analysis is not None
        verdict = rollout.judge.verdict if rollout.judge is not None else None
        routes_asked = rollout.routes is not None and not rollout.routes.answered
        pods_asked = rollout.pods.told and rollout.pods.answer is None
        return routes_asked or pods_asked or (judged and verdict is None)

    def verdict_if_asked(self, verdict: str) -> None:
        if isinstance(self.orders.analysis, Analyse):
            scope = "background" if verdict.startswith("background") else "step"
            self.judged(verdict.removeprefix("background-"), scope)

    def unsettle(self) -> None:
        if isinstance(self.orders.workload, ApplyBatch):
            self.ready(settled=False)

    def takes_again(self, message: Input) -> bool:
        """Whether a message may rightly be obeyed again: nobody keeps what was rejected but the namespace's history."""
        return isinstance(message, Requested)

    def counts(self, updated: int) -> PodCounts:
        stable = REPLICAS if self.rollout.keeps_stable else REPLICAS - updated
        return PodCounts(replicas=REPLICAS, updated=updated, updated_ready=updated, stable=stable, stable_ready=stable)

    def pod_fields(self) -> dict[str, Any]:
        order = self.rollout.pods.order
        return {"rollout": order.rollout, "order_revision": order.revision, "at_s": self.now_s}

    def traffic_fields(self) -> dict[str, Any]:
        assert self.rollout.routes is not None
        order = self.rollout.routes.order
        return {"rollout": order.rollout, "order_revision": order.revision, "at_s": self.now_s}

    @staticmethod
    def standing(kind: type[_Order], order: object) -> _Order:
        assert isinstance(order, kind), f"{type(order).__name__} stands, not {kind.__name__}"
        return order
