"""What a sandbox consists of: one module per group of parts, each a list of steps for the supervisor's plan.

`steps_of` is called by the supervisor; `context` holds what the groups share.
"""

from tidegate_sandbox.parts import bus, control_plane, kruise, measuring, mesh, pods, proxy, resource_metrics, traefik
from tidegate_sandbox.parts.context import Context
from tidegate_sandbox.supervisor.steps import Step

_STEPS = {
    "kubernetes": control_plane.steps,
    "nats": bus.steps,
    "prometheus": measuring.steps,
    "proxy": proxy.steps,
    "podlet": pods.steps,
    "kruise": kruise.steps,
    "resource-metrics": resource_metrics.steps,
    "traefik": traefik.steps,
    "mesh": mesh.steps,
}


def steps_of(context: Context) -> list[Step]:
    """All steps of the groups that were chosen."""
    return [step for group in sorted(context.settings.groups) for step in _STEPS[group](context)]
