"""Guarded workloads: what the hold at admission costs a write, and how soon a change is an accepted rollout.

The workload-controller serves the shipped webhook here. It is asked at a steady rate, by writes that change a template
and are not stored (`dryRun`). How long it took is the API server's own account of each of its calls (`webhook_calls`);
beside it stand whole writes, and the same ones of a workload that nobody guards.
"""

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from tidegate_bench.lab import Lab, image
from tidegate_bench.webhook_calls import ApiServerLog
from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import KubernetesObject, NotFound
from tidegate_chassis.kubernetes.resources import DEPLOYMENTS
from tidegate_contracts.decisions import RolloutAccepted
from tidegate_demo.scenario import NAMESPACE, kubectl
from tidegate_demo.webhooks import environment, manifests
from tidegate_sandbox.ports import free_port

GUARDED: Final = "guarded"
FREE: Final = "unguarded"
WRITES: Final = 1_000
RATE_PER_S: Final = 50
CHANGES: Final = 40
WITHIN_S: Final = 20.0
LABEL: Final = "tidegate.io/guarded"
PATH: Final = "/hold"
API_SERVER_LOG: Final = "kube-apiserver.log"
CONTROLLER: Final = "workload-controller"


async def measure(lab: Lab, scratch: Path) -> dict[str, Any]:
    """`guards`: writes and changes, in milliseconds."""
    await _webhook(lab, scratch)
    await lab.deploy(GUARDED, FREE)
    await lab.guard(GUARDED, ("20%", "100%"))
    await _labelled(lab)
    log = ApiServerLog(lab.state.log_directory / API_SERVER_LOG)
    free_ms, guarded_ms = await _writes_ms(lab, FREE), await _writes_ms(lab, GUARDED)
    calls_ms = log.calls_ms(PATH)
    assert len(calls_ms) == WRITES, "each write of the guarded workload, and no other, is asked about"
    accepted_ms = [await _accepted_ms(lab, f"v{number}") for number in range(2, CHANGES + 2)]
    figures = {
        "writes_per_s": RATE_PER_S,
        "call_ms": spread(calls_ms),
        "write_ms": spread(guarded_ms),
        "unguarded_write_ms": spread(free_ms),
        "accepted_ms": spread(accepted_ms),
    }
    return {"guards": figures}


def spread(values_ms: list[float]) -> dict[str, float]:
    """Median and tails."""
    cuts = statistics.quantiles(values_ms, n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}


async def _webhook(lab: Lab, scratch: Path) -> None:
    """The workload-controller anew, serving the hold at admission."""
    port = free_port()
    given = scratch / "hold.yaml"
    given.write_text(yaml.safe_dump_all(manifests("webhooks/hold.yaml", port)), encoding="utf-8")
    await kubectl(lab.state, "apply", "-f", str(given))
    await lab.stack[CONTROLLER].stop()
    await lab.stack.start(CONTROLLER, environment=environment(port))


async def _labelled(lab: Lab) -> None:
    label = LABEL.replace(".", r"\.")
    condition = f"--for=jsonpath={{.metadata.labels.{label}}}"
    await kubectl(lab.state, "wait", "deployment", GUARDED, condition, f"--timeout={WITHIN_S:g}s")


async def _writes_ms(lab: Lab, name: str) -> list[float]:
    """Each write's own time, begun at a steady rate whatever the ones before take."""
    began_s = time.monotonic()

    async def write(number: int) -> float:
        await asyncio.sleep(began_s + number / RATE_PER_S - time.monotonic())
        return await _patched_ms(lab, name, f"dry-{number}", dry_run=True)

    return list(await asyncio.gather(*(write(number) for number in range(WRITES))))


async def _patched_ms(lab: Lab, name: str, version: str, *, dry_run: bool = False) -> float:
    body = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image(version)}]}}}}
    sent_s = time.monotonic()
    answer = await lab.kubernetes.patch(DEPLOYMENTS, NAMESPACE, name, body, style=PatchStyle.STRATEGIC, dry_run=dry_run)
    assert not isinstance(answer, NotFound), "it was made above"
    if name == GUARDED:
        assert msgspec.json.decode(answer, type=_Held).spec.paused, "a guarded change is held"
    return 1000 * (time.monotonic() - sent_s)


async def _accepted_ms(lab: Lab, version: str) -> float:
    """From a change's being sent until its rollout is heard of as accepted; each one supersedes the one before."""
    before = {event.rollout for event in _accepted(lab)}
    sent_s = time.monotonic()
    await _patched_ms(lab, GUARDED, version)
    await lab.heard(lambda: any(event.rollout not in before for event in _accepted(lab)), "the rollout", WITHIN_S)
    return 1000 * (time.monotonic() - sent_s)


def _accepted(lab: Lab) -> list[RolloutAccepted]:
    accepted = [event for event in lab.listener.events if isinstance(event, RolloutAccepted)]
    return [event for event in accepted if event.request.workload.name == GUARDED]


class _Spec(msgspec.Struct, frozen=True):
    paused: bool = False


class _Held(KubernetesObject, frozen=True):
    spec: _Spec = _Spec()
