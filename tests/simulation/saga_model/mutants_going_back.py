"""Bugs planted in what going back in batches needs."""

from saga_model.mutant import Mutant, planted

GOING_BACK: tuple[Mutant, ...] = (
    planted(
        "endings",
        "back-before-ready",
        "the next batch goes back before the last one's stable pods are there",
        "return _pods_back(ending) if isinstance(rollout.pods.answer, BatchReady) else None",
        "return _pods_back(ending)",
    ),
    planted(
        "endings",
        "back-by-halves",
        "the last batches go back all at once",
        "if ending.step > 1 else",
        "if ending.step > 2 else",
    ),
    planted(
        "endings",
        "back-under-traffic",
        "pods go back in batches before the traffic has left them",
        "keeps_pin = ending.goal ==",
        "keeps_pin = ending.step > 1 or ending.goal ==",
    ),
    planted(
        "towards_an_end",
        "back-unasked",
        "a rollback that should be at once goes back in batches",
        'pace == "at_once" or rollout.keeps_stable',
        "rollout.keeps_stable",
    ),
    planted(
        "towards_an_end",
        "back-in-every-style",
        "batches go back though every stable pod is still there",
        'pace == "at_once" or rollout.keeps_stable or rollout.canary_revision is None',
        'pace == "at_once" or rollout.canary_revision is None',
    ),
)
