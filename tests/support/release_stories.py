"""What may become of a release that a Rollout of Kruise's guards, as stories that fit any kind and style.

Each begins a release and follows it to its end, by what its user can do and read alone; sources: Kruise's own texts and
states, as docs/kruise.md lists them with the differences. Played for every kind by tests/integration/kinds.
"""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from support.kinds import Kind
from support.releases import BLOCKS, REPLICAS, Release, reason_of
from tidegate_contracts.rollout import Style

V1: Final = "v1_ready-0.1"
V2: Final = "v2_ready-0.1"
V3: Final = "v3_ready-0.1"
BROKEN: Final = "v2_pull-fail"
HALF: Final = REPLICAS // 2
EACH: Final = ("25%", "50%", "75%", "100%")
HALVES: Final = ("50%", "100%")


class Story(NamedTuple):
    """Args:
    play: Ends when the release has; says which version runs then.
    steps: Of the Rollout.
    strategy: What else its strategy has.
    fits: For which kinds and styles it makes sense.
    gives_back: Whether the workload is no longer guarded at the end.
    old: Whether v1alpha1 can say it, which has nothing of ours: there a failure rolls back, as by default.
    """

    play: Callable[[Release], Awaitable[str]]
    steps: tuple[str, ...] = HALVES
    strategy: dict[str, object] = {}  # noqa: RUF012 - nobody writes to it
    fits: Callable[[Kind, Style], bool] = lambda _kind, _style: True
    gives_back: bool = False
    old: bool = True


async def approved(release: Release) -> str:
    """Step by step, with as many new pods as each says."""
    await release.change(V2)
    for step in range(1, len(EACH)):
        await release.waits_at(step)
        assert release.versions["v2"] == step, release.versions
        assert release.named == await release.revision(), release.told
        came = {str(each): 1 for each in range(1, step + 1)}
        await release.until(lambda _, came=came: release.batches == came, f"labels {came}")
        await release.approve()
    return await _to_the_end(release, EACH)


async def paused(release: Release) -> str:
    """An approval during a pause of the whole release is kept, and counts when it goes on."""
    await _begun(release)
    await release.edit(strategy={"paused": True})
    await release.until(lambda status: reason_of(status, "Progressing") == "Paused", "the pause")
    await release.approve()
    assert release.versions["v2"] == HALF, release.versions
    await release.edit(strategy={"paused": False})
    return await _to_the_end(release, HALVES)


async def jumped(release: Release) -> str:
    """Ahead over a step, and back again."""
    await _begun(release)
    await release.tell(nextStepIndex=3)
    await release.waits_at(3)
    assert release.versions["v2"] == 3, release.versions
    await release.tell(nextStepIndex=2)
    await release.waits_at(2)
    await release.tell(nextStepIndex=4)
    return await _to_the_end(release, EACH)


async def edited(release: Release) -> str:
    """The pause in hand is taken out, and a later step has more pods."""
    await _begun(release)
    steps = [
        {"replicas": "25%", "pause": {"duration": 0}},
        {"replicas": "75%"},
        {"replicas": "75%"},
        {"replicas": "100%"},
    ]
    await release.edit(strategy={BLOCKS[release.style][0]: {"steps": steps}})
    for step in (2, 3):
        await release.waits_at(step)
        assert release.versions["v2"] == 3, release.versions
        await release.approve()
    return await _to_the_end(release, EACH)


async def scaled(release: Release) -> str:
    """The share of a step is of what the workload has now."""
    await _begun(release)
    await release.scale(2 * REPLICAS)
    await release.runs("v2", REPLICAS)
    await release.approve()
    return await _to_the_end(release, HALVES)


async def rolled_back(release: Release) -> str:
    """By the old template again."""
    await _begun(release)
    await release.change(V1)
    await release.ends(succeeded=False)
    return "v1"


async def superseded(release: Release) -> str:
    """By a further version, which starts anew."""
    await _begun(release)
    second = release.status["observedRollout"]
    await release.change(V3)
    await release.until(lambda status: status.get("observedRollout") not in {second, "", None}, "another release")
    await release.waits_at(1)
    assert release.versions["v3"] == HALF, release.versions
    await release.runs("v2", 0)  # an extra workload replaces its pods natively
    await release.approve()
    return await _to_the_end(release, HALVES, "v3")


async def disabled(release: Release) -> str:
    """In the midst: the workload goes on by itself."""
    await _begun(release)
    await release.edit(disabled=True)
    await release.until(lambda status: status["phase"] == "Disabled", "Disabled")
    return "v2"


async def deleted(release: Release) -> str:
    await _begun(release)
    await release.delete()
    return "v2"


async def failed(release: Release) -> str:
    """An image that can't be pulled: told with its reason, and gone back from."""
    await release.change(BROKEN)
    await release.until(lambda status: "ImagePull" in status.get("message", ""), "the reason")
    assert release.status["phase"] == "Progressing"
    await release.change(V1)
    await release.ends(succeeded=False)
    return "v1"


async def failed_and_went_back(release: Release) -> str:
    """The same, where the Rollout says that a failure rolls back; put there again, it waits for somebody."""
    await release.change(BROKEN)
    await release.ends(succeeded=False)
    failed = release.status["observedRollout"]
    await release.is_whole()
    await release.change(BROKEN)
    await release.until(lambda status: f"failed already, in rollout {failed}" in status["message"], "the wait")
    await release.waits_at(1)
    assert release.versions == {"v1": REPLICAS}
    await release.change(V1)
    await release.ends(succeeded=False)
    return "v1"


async def _begun(release: Release) -> None:
    """Another version, at the pause of the first step."""
    await release.change(V2)
    await release.waits_at(1)


async def _to_the_end(release: Release, steps: tuple[str, ...], version: str = "v2") -> str:
    """Nothing is left to be confirmed but, in blue-green alone, the last step: so are Kruise's pauses."""
    if release.style == "blue_green":
        await release.waits_at(len(steps))
        await release.approve()
    await release.ends(succeeded=True)
    return version


STORIES: Final[dict[str, Story]] = {
    "approved": Story(approved, steps=EACH),
    "paused": Story(paused),
    "jumped": Story(jumped, steps=EACH),
    "edited": Story(edited, steps=EACH),
    "scaled": Story(scaled, fits=lambda kind, _: kind.scales),
    "rolled back": Story(rolled_back),
    "superseded": Story(superseded),
    "disabled": Story(disabled, gives_back=True),
    "deleted": Story(deleted, gives_back=True),
    "failed": Story(failed, strategy={"onFailure": "Pause"}, old=False),
    "failed and went back": Story(failed_and_went_back, strategy={"onFailure": "RollBack"}),
}
