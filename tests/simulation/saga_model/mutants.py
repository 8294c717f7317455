"""Bugs planted on purpose: small changes of the orchestrator's source, or of how the model is wired.

`hunt` starts an interpreter of its own for each, in which the changed module is imported instead of the real
one, and plays seeds until an invariant breaks. A bug that no seed finds means that the simulation looks away.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec

from saga_model.mutant import Mutant, planted
from saga_model.mutants_baking import BAKING
from saga_model.mutants_going_back import GOING_BACK
from saga_model.mutants_in_styles import IN_STYLES
from saga_model.mutants_replanning import REPLANNING

SEEDS_MAX = 12_000
KNOWN_SEEDS = Path(__file__).parent.parent / "known_seeds.json"
"""By mutant, the seed that found it last, with which its hunt may begin. `run.py --remember` writes it."""
HUNT_S = 120.0
STDERR_SHOWN_MAX = 500
"""Characters of a hunt's own error, which would be a mistake of the hunt, not a bug found."""


class Hunt(NamedTuple):
    mutant: str
    seed: int | None
    """The seed that found it."""
    seeds: int
    """How many were played."""
    violation: str


MUTANTS: tuple[Mutant, ...] = (
    # the history and the bus
    planted("bus", "no-compare-and-set", "appends whatever came in between", "len(self.log) != expected", "False"),
    planted(
        "bus",
        "old-order-over-new",
        "a late copy's order replaces a newer one",
        "present.revision >= order.revision",
        "False",
    ),
    planted("world", "no-fence", "writes for an older order count", "self.fences[thing] > revision", "False"),
    planted(
        "handle",
        "orders-not-said-again",
        "a redelivery that decides nothing publishes nothing",
        "            await self.tell(key, loaded.workload)\n",
        "            if decided.decisions:\n                await self.tell(key, loaded.workload)\n",
    ),
    planted(
        "fold",
        "numbers-of-one-rollout",
        "a loaded history counts only its rollout's decisions",
        "max(workload.revision, last.revision) if last is not None else workload.revision",
        "workload.revision",
    ),
    planted(
        "handle",
        "timers-on-old-news",
        "a timer is answered from memory, whatever came since",
        "        if afresh:\n",
        "        if False:\n",
    ),
    # evidence
    planted(
        "observe",
        "any-batch-is-ready",
        "a ready batch counts whichever order it answers",
        "return fact.order_revision == order.revision and isinstance(order, ApplyBatch) and fact.step == order.step",
        "return isinstance(order, ApplyBatch)",
    ),
    planted(
        "observe",
        "any-verdict-counts",
        "a verdict counts whichever order it answers",
        "fact.order_revision != judge.order.revision or fact.step != judge.order.step:",
        "False:",
    ),
    planted(
        "observe",
        "any-shift-counts",
        "an accepted share counts whichever order it answers",
        "isinstance(routes.order, ShiftTraffic) or fact.order_revision != routes.order.revision",
        "isinstance(routes.order, ShiftTraffic)",
    ),
    planted(
        "observe",
        "any-release-counts",
        "a released workload counts whichever order it answers",
        "fact.order_revision != pods.order.revision or not isinstance(pods.order, ReleaseWorkload)",
        "False",
    ),
    planted(
        "observe",
        "deletion-overheard",
        "a deleted workload is not noticed",
        "return replace(rollout, gone=True)",
        "return rollout",
    ),
    planted(
        "steps",
        "unsettled-is-done",
        "the stable pods' settling is not waited for",
        "if not isinstance(ready, BatchReady) or not ready.settled:\n        return None\n    return _paused",
        "if not isinstance(ready, BatchReady):\n        return None\n    return _paused",
    ),
    planted(
        "steps",
        "verdict-not-awaited",
        "a step is done without its verdict",
        "step.analysis is None or passes(rollout.judge, rollout.step)",
        "True",
    ),
    planted(
        "alarms",
        "failure-overheard",
        "a failing verdict changes nothing",
        'if verdict.verdict == "fail":\n        return _failure',
        'if verdict.verdict == "fail":\n        return None and _failure',
    ),
    planted(
        "verdicts",
        "doubt-passes",
        "a step passes without a verdict",
        'return verdict.verdict == "pass" or (',
        'return verdict.verdict != "fail" or (',
    ),
    planted(
        "alarms",
        "measured-anew-too-soon",
        "a step is measured once more while its pods still settle",
        "settled = isinstance(rollout.pods.answer, BatchReady)",
        "settled = True",
    ),
    # the order of things
    planted(
        "steps",
        "pin-not-awaited",
        "the first pods come before the stable Service is pinned",
        'return Say(StepStarted, {"step": 1}) if _routes_settled(rollout) else None\n\n\ndef _raising',
        'return Say(StepStarted, {"step": 1})\n\n\ndef _raising',
    ),
    planted(
        "steps",
        "shift-not-awaited",
        "a step is judged before its traffic arrived",
        'return Say(StepJudgingStarted, {"step": rollout.step}) if _routes_settled(rollout) else None',
        'return Say(StepJudgingStarted, {"step": rollout.step})',
    ),
    planted(
        "steps",
        "a-step-ahead",
        "the weight of the next step",
        '{"step": step.number, "weight_percent": step.weight_percent})\n\n\ndef _judged',
        '{"step": step.number, "weight_percent": rollout.plan[-1].weight_percent})\n\n\ndef _judged',
    ),
    planted(
        "steps",
        "skips-a-step",
        "from a step to the one after the next",
        '{"step": rollout.step + 1}',
        '{"step": min(rollout.step + 2, len(rollout.plan))}',
    ),
    planted(
        "steps",
        "timers-ring-early",
        "a timed pause ends at the first look",
        "until_s is not None and until_s <= now_s",
        "until_s is not None",
    ),
    planted(
        "steps",
        "jumps-back-with-traffic",
        "a jump to less traffic starts with the pods",
        "step.weight_percent < rollout.share[0]",
        "False",
    ),
    planted(
        "orders",
        "no-stable-minimum",
        "stable pods may all go while they get traffic",
        "1 if rollout.with_traffic and not rollout.shifted_whole else 0",
        "0",
    ),
    planted(
        "orders",
        "stable-minimum-by-order",
        "stable pods may go before all traffic has left them",
        "not rollout.shifted_whole",
        "rollout.share[0] < 100",
    ),
    planted(
        "towards_an_end",
        "rollback-without-lowering",
        "a bad version gets traffic for as long as it has pods",
        "        rollout.routed\n        and not rollout.quiet\n",
        "        False\n        and not rollout.quiet\n",
    ),
    planted(
        "endings",
        "rollback-pods-first",
        "pods go back before the traffic does",
        "rollout.quiet and not rollout.gone",
        "not rollout.gone",
    ),
    planted(
        "endings",
        "lowering-not-awaited",
        "pods go back while the traffic still leaves",
        "if routes is None or routes.answered:",
        "if True:",
    ),
    planted(
        "endings",
        "routes-forgotten",
        "a rollback leaves the routes as they are",
        "return Say(TrafficReleaseStarted, {}) if rollout.routed else _terminal(rollout, ending)",
        "return _terminal(rollout, ending)",
    ),
    planted(
        "endings",
        "release-not-awaited",
        "ends before the workload is given back",
        "if rollout.gone or _pods_released(rollout, ending):\n        return Say(Traffic",
        "if True:\n        return Say(Traffic",
    ),
    planted(
        "towards_an_end",
        "rollback-goes-forward",
        "a rollback gives the workload back with the new version",
        'else "restore"',
        'else "let_go"',
    ),
    planted(
        "towards_an_end",
        "stable-pods-overestimated",
        "traffic goes back to a version whose pods may be gone",
        "        and not rollout.stable_gone\n        and not rollout.gone",
        "        and not rollout.gone",
    ),
    planted(
        "evolve",
        "unsettled-keeps-stable",
        "an unsettled whole batch is thought to leave stable pods",
        "leaves_none = order",
        "leaves_none = settle and order",
        first=16_000,
    ),
    planted(
        "towards_an_end",
        "failure-leaves-orders",
        "a rollout that failed leaves its order standing",
        "if not isinstance(rollout.pods.order, ReleaseWorkload):",
        "if False:",
    ),
    # people
    planted(
        "advance",
        "deaf-to-pauses",
        "goes on though it is paused",
        "if said is not None or rollout.hold is not None:",
        "if said is not None:",
    ),
    planted(
        "decide",
        "obeys-twice",
        "a control that comes twice counts twice",
        "and rollout.answered_before(message.id)",
        "and False",
    ),
    planted(
        "controls",
        "falls-without-pods",
        "jumps back to a version whose pods may be gone",
        "fine = not (falls and rollout.stable_gone)",
        "fine = True",
    ),
    planted(
        "controls",
        "resumes-on-old-news",
        "traffic is raised on pods that were read before the pause",
        " or (isinstance(rollout.phase, Raising) and rollout.with_traffic)",
        "",
    ),
    *IN_STYLES,
    *GOING_BACK,
    *REPLANNING,
    *BAKING,
    # one rollout after another
    planted(
        "requests",
        "two-at-once",
        "a newer rollout starts beside the older one",
        "    if older is not None:\n",
        "    if False:\n",
    ),
    planted(
        "requests",
        "older-wins",
        "a request that comes late supersedes a newer one",
        "newest.request_sequence > asked.sequence",
        "False",
    ),
    planted(
        "requests",
        "answers-twice",
        "a request that comes twice is answered twice",
        "if any(decision.cause == asked.id for decision in asked.earlier):",
        "if False:",
    ),
    planted(
        "requests",
        "inherits-without-looking",
        "traffic goes to stable pods that the older rollout let go",
        "isinstance(routes.order, ReleaseTraffic) or older.stable_gone",
        "isinstance(routes.order, ReleaseTraffic)",
    ),
    planted(
        "requests",
        "inherits-no-traffic",
        "the older rollout's routes are forgotten",
        "traffic=routes.order.traffic if routes is not None else ()",
        "traffic=()",
    ),
    planted(
        "requests",
        "inherits-no-hold",
        "the older rollout's hold is forgotten",
        "touched=touched and not older.gone",
        "touched=False",
    ),
    planted(
        "alarms",
        "pins-to-nothing",
        "the stable Service is pinned though no stable pod is ready",
        "if prepared.counts.stable_ready > 0 or prepared.counts.replicas == 0:",
        "if True:",
    ),
    planted(
        "alarms",
        "fails-with-a-hold",
        "a refused successor leaves the older rollout's hold",
        "if not rollout.touched and not rollout.routed:",
        "if True:",
    ),
    planted(
        "state",
        "never-over",
        "a rollout that has ended is still active",
        "return None if rollout is None or type(rollout.phase) is Ended else rollout",
        "return rollout",
    ),
    planted(
        "state",
        "quiet-too-soon",
        "the traffic counts as gone once that was ordered",
        "return routes.answered or not routes.order.lowering",
        "return True",
    ),
)
BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


def hunt_all(processes: int, known: Mapping[str, int] | None = None) -> list[Hunt]:
    """All of them, each from its known seed on where there is one."""
    begun = [(mutant.name, (known or {}).get(mutant.name)) for mutant in MUTANTS]
    with ThreadPoolExecutor(processes) as pool:
        return list(pool.map(lambda each: hunt(*each), begun))


def hunt(name: str, known: int | None = None) -> Hunt:
    """In an interpreter of its own, since the changed module must not reach this one."""
    script = Path(__file__).parent.parent / "hunt.py"
    command = [sys.executable, str(script), name, *([] if known is None else [str(known)])]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=HUNT_S)
    if done.returncode:
        return Hunt(name, None, 0, done.stderr[-STDERR_SHOWN_MAX:])
    return Hunt(**json.loads(done.stdout))


def known_seeds() -> dict[str, int]:
    return msgspec.json.decode(KNOWN_SEEDS.read_bytes(), type=dict[str, int])


def remember(found: Sequence[Hunt]) -> None:
    seeds = {hunt.mutant: hunt.seed for hunt in found if hunt.seed is not None}
    KNOWN_SEEDS.write_bytes(msgspec.json.format(msgspec.json.encode(seeds)) + b"\n")
