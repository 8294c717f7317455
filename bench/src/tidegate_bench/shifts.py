"""How soon a share that was decided is taken by the proxy, and by how many writes: a rollout of many small steps.

Part of `traffic`, after its requests. Each step but the first only moves the share: the first one also makes the canary
Service and gives the proxy time to learn of it, a wait that is told apart. No grace period is in it: shares rise.
"""

import time
from collections import Counter
from typing import Any, Final

from tidegate_bench import audit
from tidegate_bench.guarded import spread
from tidegate_bench.lab import Lab
from tidegate_contracts.decisions import TrafficShiftStarted
from tidegate_contracts.facts import TrafficShifted

STEPS: Final = tuple(f"{percent}%" for percent in range(2, 98, 2))
ROUTES: Final = ("httproutes", "httpproxies")
END_TIMEOUT_S: Final = 240.0


async def measure(lab: Lab, version: str, traffic: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Milliseconds from the decision to what every route of the order says, and writes to each object for a share."""
    began_s = time.time()
    rollout = await lab.publish("web", version, STEPS, traffic=traffic)
    await lab.ended(rollout, END_TIMEOUT_S)
    heard = lab.listener.of(rollout)
    started = {each.revision: each.at_s for each in heard if isinstance(each, TrafficShiftStarted)}
    shifted = [each for each in heard if isinstance(each, TrafficShifted) and each.order_revision in started]
    first, *others = [1000 * (each.accepted_at_s - started[each.order_revision]) for each in shifted]
    writes = _writes(audit.read(lab.state.audit_log_path, began_s), shifted[0].at_s, shifted[-1].at_s)
    return {
        "shifts": len(others),
        "accepted_ms": spread(others),
        "first_accepted_ms": first,
        "writes_per_shift": {route: writes[route] / len(others) for route in ROUTES},
    }


def _writes(entries: list[audit.AuditEntry], after_s: float, until_s: float) -> Counter[str]:
    """Ours, by what is written."""
    ours = audit.by_service(entries, "traffic-shifter")
    return Counter(each.objectRef.resource for each in ours if after_s < each.received_s <= until_s)
