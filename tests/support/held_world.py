"""The workload-controller's real decisions against the model of the native controllers, step by step.

After every step of either side a check looks at the world. Pods get ready as soon as the native controllers have
nothing more to do, unless a test wants otherwise.
"""

from typing import Any

from msgspec.structs import replace

from support.native_deployment import HOLD, Check, NativeDeployment, Written
from tidegate_contracts.facts import BatchReady, Fact, WorkloadReleased
from tidegate_contracts.orders import ApplyBatch, ReleaseWorkload, Target
from tidegate_contracts.workload import WorkloadReference
from tidegate_workload_controller import backwards, convergence, release
from tidegate_workload_controller.actions import Decision, Patch, PutBack, Report, Touch
from tidegate_workload_controller.hold import Hold
from tidegate_workload_controller.memory import Memory
from tidegate_workload_controller.release import ReleaseMemory
from tidegate_workload_controller.seen import View

STEPS_MAX = 5_000
SOON_S = 0.2
"""A decision that wants to be called again this soon is waited for; a deadline is not."""

REFERENCE = WorkloadReference(name="web")


class HeldWorld:
    """One Deployment at `v1`, taken to `v2`."""

    hold: Hold = HOLD

    def __init__(self, native: NativeDeployment, check: Check = lambda _: None) -> None:
        self.native = native
        self.written = Written(native)
        self.check = check
        self.facts: list[Fact] = []
        self.now_s = 1_000.0
        self.revision = 0
        self.alive = True
        self.canary: str | None = None

    def order(self, target: Target, *, step: int = 1, template: str = "v2", **more: Any) -> ApplyBatch:
        self.revision += 1
        return ApplyBatch(
            rollout="r1",
            revision=self.revision,
            workload=REFERENCE,
            step=step,
            batch=step,
            change=None,
            target=target,
            template_digest=template,
            stable_revision="v1",
            canary_revision=self.canary,
            **more,
        )

    def view(self) -> View:
        return replace(self.written.view(), hold=self.hold)

    def apply(self, order: ApplyBatch) -> BatchReady:
        """Until it is reported as ready, and settled where the order asks for it, and nothing moves any more."""
        self.facts.clear()
        memory: Any = Memory()
        for _ in range(STEPS_MAX):
            decide = backwards.decide if order.going_back else convergence.decide
            decision = decide(order, self.view(), memory, self.now_s)
            memory = decision.memory
            acted = self._act(decision)
            moved = self._step()
            soon = decision.until_s is not None and decision.until_s - self.now_s < SOON_S
            if not acted and not moved and not self._get_ready() and not soon:
                break
        ready = [each for each in self.facts if isinstance(each, BatchReady)]
        assert ready, f"never ready: {self.facts}"
        self.canary = ready[-1].canary_revision
        return ready[-1]

    def release(self, order: ReleaseWorkload) -> WorkloadReleased:
        self.facts.clear()
        memory: Any = ReleaseMemory()
        for _ in range(STEPS_MAX):
            decision = release.decide(order, self.view(), memory, self.now_s)
            memory = decision.memory
            acted = self._act(decision)
            moved = self._step()
            if decision.done:
                found = self.facts[-1]
                assert isinstance(found, WorkloadReleased)
                return found
            if not acted and not moved and not self._get_ready():
                break
        raise AssertionError(f"never released: {self.facts}")

    def natively(self) -> None:
        """Let the native controllers alone go on, as when nobody of us lives."""
        while self._step() or self._get_ready():
            pass

    def scale(self, replicas: int) -> None:
        self.native.replicas = replicas

    def _act(self, decision: Decision[Any]) -> bool:
        for action in decision.actions:
            match action:
                case Touch(body=body):
                    self.written.patch(body, "v2")
                case Patch(body=body):
                    self.written.patch(body)
                case PutBack(body=body, revision=revision):
                    self.written.patch(body, revision)
                case Report(fact=fact):
                    self.facts.append(fact)
        return bool(decision.actions)

    def _step(self) -> bool:
        moved = self.native.sync()
        self.check(self.native)
        self.now_s += 0.1
        return moved

    def _get_ready(self) -> bool:
        waiting = any(not ready for each in self.native.sets.values() for ready in each.pods.values())
        self.native.ready_all()
        return waiting
