"""What a sandbox consists of: one module per group of parts, each a list of steps for the supervisor's plan.

`steps_of` is called by the supervisor; `context` holds what the groups share.
"""

from tidegate_sandbox.parts import bus, control_plane, measuring, pods, proxy
from tidegate_sandbox.parts.context import Context
from tidegate_sandbox.supervisor.steps import Step


def steps_of(context: Context) -> list[Step]:
    """All steps, without the groups that were deselected."""
    without = context.settings.without
    steps = control_plane.steps(context)
    if "nats" not in without:
        steps += bus.steps(context)
    if "proxy" not in without:
        steps += proxy.steps(context)
    if "prometheus" not in without:
        steps += measuring.steps(context)
    if "podlet" not in without:
        steps += pods.steps(context)
    return steps
