"""The auditor's rules for a rollout on its way to an end: back, let go, promoted, given back. Used by `auditor`."""

from typing import Any

from saga_model.options import REPLICAS
from saga_model.rules import Rules
from saga_model.watched import Watched

WHOLE_PERCENT = 100


class EndingRules(Rules):
    def _RollbackStarted(self, watched: Watched, event: Any) -> None:  # noqa: N802
        hastened = watched.pace == "in_batches" and event.pace == "at_once"
        self.require(watched.ending != "rolling back" or hastened, "I5 rolled back twice")
        watched.ending, watched.held, watched.promoted = "rolling back", False, False
        watched.pace, watched.return_step = event.pace or watched.pace, 0
        watched.ending_revision, watched.releasing = event.revision, False

    def _CancellationStarted(self, watched: Watched, _: Any) -> None:  # noqa: N802
        self.require(watched.ending != "cancelling", "I5 cancelled twice")
        watched.ending, watched.held, watched.promoted = "cancelling", False, False
        for version in ("v2", "v3", "v4"):
            self.approve(version, None)  # whichever template it has, natively and to the end

    def _PodsPromotionStarted(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self.require(watched.promoted and not watched.settles, "I5 pods promoted without a promotion")
        whole = watched.weight == WHOLE_PERCENT or not watched.traffic
        self.require(whole, "I2 promoted while the stable pods get traffic")
        self.traffic_settled(watched, "I2 promoted while traffic moves", watched.traffic)
        watched.promote_revisions = [event.revision]

    def _BatchReturnStarted(self, watched: Watched, event: Any) -> None:  # noqa: N802
        self.require(watched.ending == "rolling back" and watched.settles, "I5 a batch went back without a rollback")
        self.require(watched.pace == "in_batches", "I5 went back in batches though nobody asked for it")
        self._returned(watched)
        expected = watched.return_step - 1 if watched.return_step else watched.highest - 1
        self.require(0 < event.step <= expected, f"I3 went back to step {event.step} from {expected + 1}")
        self.require(event.step == expected or not watched.return_step, "I3 a batch was left out on the way back")
        watched.return_step, watched.return_revisions = event.step, [event.revision]

    def _returned(self, watched: Watched) -> None:
        """One batch after the other: the last one's stable pods are there."""
        if watched.return_step and not watched.gone():
            done = any(watched.answer("BatchReady", revision) for revision in watched.return_revisions)
            self.require(done, "I3 the next batch went back before the last one's stable pods were there")

    def _PodsReleaseStarted(self, watched: Watched, _: Any) -> None:  # noqa: N802
        if watched.clearing and not watched.ending:
            self.traffic_settled(watched, "I3 a superseded version's pods go while traffic moves")
            watched.clearing = False
            return
        self.require(bool(watched.ending), "I5 pods released before an ending was chosen")
        self._promoted(watched, "I5 released before the workload was promoted")
        if watched.ending == "rolling back" and watched.return_step:
            self.require(watched.return_step == 1 or watched.gone(), "I3 a batch was left out on the way back")
            self._returned(watched)
        if watched.promoted and not watched.settles:
            self._back(watched, "I3 the extra pods go while they get the traffic")
        watched.releasing = True

    def _promoted(self, watched: Watched, rule: str) -> None:
        """Going forward, the workload's own pods are new before anything that they replace goes."""
        if watched.promoted and not watched.settles and not watched.gone():
            done = any(watched.answer("WorkloadPromoted", revision) for revision in watched.promote_revisions)
            self.require(done, rule)

    def _TrafficReleaseStarted(self, watched: Watched, _: Any) -> None:  # noqa: N802
        """Going back, the traffic goes to the stable pods alone, as long as there are any."""
        again, watched.routes_released = watched.routes_released, True
        self._promoted(watched, "I3 traffic goes back to the stable pods before the workload was promoted")
        if watched.ending != "rolling back" or watched.releasing or again or not watched.weight:
            return
        target = watched.most
        whole = target.percent == WHOLE_PERCENT or (target.count or 0) >= REPLICAS
        whole = whole if watched.settles else bool(watched.promote_revisions)
        told = watched.answers_since(watched.ending_revision, ("TrafficShifted", "TrafficRefused"))
        self.require(
            whole or told or watched.gone(), "I3 a bad version kept its traffic though stable pods could take it"
        )

    def _RolloutCompleted(self, watched: Watched, _: Any) -> None:  # noqa: N802
        self.require(watched.promoted, "I5 completed without a promotion")
        self._given_back(watched, "promote")

    def _RolloutRolledBack(self, watched: Watched, _: Any) -> None:  # noqa: N802
        self.require(watched.ending == "rolling back", "I5 rolled back without starting to")
        self._given_back(watched, None)

    def _RolloutCancelled(self, watched: Watched, _: Any) -> None:  # noqa: N802
        self.require(watched.ending == "cancelling", "I5 cancelled without starting to")
        self._given_back(watched, "let_go")

    def _given_back(self, watched: Watched, mode: str | None) -> None:
        whole = any(
            kind == "WorkloadReleased" and revision > watched.batch_revision and (mode is None or fact.mode == mode)
            for (kind, revision), fact in watched.answers.items()
        )
        self.require(whole, "I6 ended before the pods were whole")
        self._back(watched, "I6 ended before the routes were given back")

    def _back(self, watched: Watched, rule: str) -> None:
        back = not watched.routed or any(
            kind == "TrafficReleased" and revision > watched.shift_revision for kind, revision in watched.answers
        )
        self.require(back, rule)

    def _RolloutFailed(self, watched: Watched, _: Any) -> None:  # noqa: N802
        self.require(watched.gone() or not watched.step, "I6 failed after it had begun")
