"""What may happen to a rollout of any kind in any style, as scenarios that are played on the real controllers.

Each takes a workload that a copy of the workload-controller may hold, and a witness; it returns when the workload is
whole again under its own strategy, or will be, and says which version it must run then. The matrix plays them.
"""

from typing import Any, Final

from support.kinds import Kind
from support.scenarios.failing import (
    MIN_READY_S,
    broken_image,
    broken_rolled_back_in_batches,
    crash_loop,
    mended_by_a_newer_version,
    never_ready,
    quota_reached_and_retried,
    ready_for_a_while,
    some_tolerated,
)
from support.scenarios.going import (
    copies_killed,
    forward,
    jumped_ahead_and_back,
    rolled_back,
    rolled_back_from_the_end,
    rolled_back_in_batches,
    rolled_back_while_promoted,
    superseded,
    the_stable_version_again,
)
from support.scenarios.leaving import (
    LET_GO_REPLICAS,
    adopted_in_the_middle,
    let_go_at_every_step,
    under_strategies_that_stop,
)
from support.scenarios.losing import node_lost, on_a_node_of_its_own, pods_deleted_and_evicted
from support.scenarios.scaling import (
    autoscaler_held_off,
    autoscaler_without_behavior_held_off,
    nothing_from_the_start,
    scaled_by_an_autoscaler,
    scaled_down,
    scaled_to_nothing,
    scaled_up,
    scaled_while_it_moves,
    scaled_while_promoted,
    scaled_while_rolled_back,
)
from support.scenarios.stage import SOON_S, V1, V2, V3, Play, Scenario, Stage
from tidegate_contracts.rollout import Style

__all__ = ["SCENARIOS", "SOON_S", "V1", "V2", "V3", "Play", "Scenario", "Stage", "pairs"]


def _has_replicas(kind: Kind, _style: Style) -> bool:
    return kind.scales


def _blue_green(_kind: Kind, style: Style) -> bool:
    return style == "blue_green"


def _not_blue_green(kind: Kind, style: Style) -> bool:
    return kind.scales and style != "blue_green"


def _partition(_kind: Kind, style: Style) -> bool:
    return style == "partition"


def _keeps_stable(_kind: Kind, style: Style) -> bool:
    return style != "partition"


def _keeps_stable_and_scales(kind: Kind, style: Style) -> bool:
    return kind.scales and _keeps_stable(kind, style)


def _makes_pods(kind: Kind, _style: Style) -> bool:
    return not kind.in_place


def _waits(kind: Kind, _style: Style) -> bool:
    return kind.min_ready is not None


def _min_ready(kind: Kind) -> dict[str, Any]:
    return kind.min_ready(MIN_READY_S) if kind.min_ready is not None else {}


SCENARIOS: Final[dict[str, Scenario]] = {
    "forward": Scenario(forward),
    "jumped ahead and back": Scenario(jumped_ahead_and_back),
    "scaled up": Scenario(scaled_up, fits=_has_replicas),
    "scaled down": Scenario(scaled_down, fits=_has_replicas),
    "scaled while it moves": Scenario(scaled_while_it_moves, fits=_has_replicas),
    "scaled while promoted": Scenario(scaled_while_promoted, fits=_keeps_stable_and_scales),
    "scaled while rolled back": Scenario(scaled_while_rolled_back, fits=_has_replicas),
    "scaled to nothing": Scenario(scaled_to_nothing, fits=_has_replicas),
    "nothing from the start": Scenario(nothing_from_the_start, replicas=0, fits=_has_replicas),
    "scaled by an autoscaler": Scenario(scaled_by_an_autoscaler, fits=_not_blue_green),
    "autoscaler held off": Scenario(autoscaler_held_off, fits=_blue_green),
    "autoscaler without behavior held off": Scenario(autoscaler_without_behavior_held_off, fits=_blue_green),
    "rolled back": Scenario(rolled_back),
    "rolled back from the end": Scenario(rolled_back_from_the_end),
    "rolled back in batches": Scenario(rolled_back_in_batches, fits=_partition),
    "broken, rolled back in batches": Scenario(broken_rolled_back_in_batches, begun=False, fits=_partition),
    "rolled back while promoted": Scenario(rolled_back_while_promoted, fits=_keeps_stable),
    "superseded": Scenario(superseded),
    "the stable version again": Scenario(the_stable_version_again),
    "adopted in the middle": Scenario(adopted_in_the_middle, begun=False, fits=_partition),
    "let go at every step": Scenario(let_go_at_every_step, replicas=LET_GO_REPLICAS, begun=False, is_long=True),
    "under strategies that stop": Scenario(under_strategies_that_stop, begun=False, is_long=True),
    "copies killed": Scenario(copies_killed),
    "broken image": Scenario(broken_image, begun=False),
    "crash loop": Scenario(crash_loop, begun=False),
    "never ready": Scenario(never_ready, begun=False),
    "mended by a newer version": Scenario(mended_by_a_newer_version, begun=False),
    "quota reached and retried": Scenario(quota_reached_and_retried, fits=_makes_pods),
    "some tolerated": Scenario(some_tolerated, begun=False),
    "ready for a while": Scenario(ready_for_a_while, spec=_min_ready, fits=_waits),
    "pods deleted and evicted": Scenario(pods_deleted_and_evicted),
    "node lost": Scenario(node_lost, pod_spec=on_a_node_of_its_own, needs_node=True, is_long=True),
}


def pairs(kind: Kind) -> list[tuple[Style, str]]:
    """Every style of a kind with every scenario that makes sense in it."""
    return [
        (style, name) for style in kind.styles for name, scenario in SCENARIOS.items() if scenario.fits(kind, style)
    ]
