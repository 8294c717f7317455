"""What holds a workload, kept on it when its author writes these fields, as a GitOps tool does with what is in Git.

Put back a moment later, the native controller would have gone on by a few pods each time. So `admission` answers such a
write with the fields as they stood; what was written into them is what its author gets back when the hold ends. Pure.
"""

from typing import Any

from msgspec.structs import replace

from tidegate_workload_controller import marks
from tidegate_workload_controller.hold import Hold
from tidegate_workload_controller.patches import Body
from tidegate_workload_controller.saved import Saved, encode, saved_on
from tidegate_workload_controller.seen import Workload


def kept(hold: Hold, before: Workload, after: Workload) -> Body | None:
    """What has to be added to a write, so that the hold stays on; None where it needs nothing.

    One that lets the workload move within its author's own limits keeps nothing back: these may change.
    """
    saved = saved_on(before)
    if saved is None or saved.nothing or hold.moves_freely(before, saved):
        return None
    standing, written = hold.save(before), hold.save(after)
    if standing == written:
        return None
    annotations = {marks.SAVED_STRATEGY: encode(edited(saved, standing, written))}
    return {"metadata": {"annotations": annotations}, "spec": hold.own(standing)}


def edited(saved: Saved, standing: Saved, written: Saved) -> Saved:
    """The author's own values with what was written, and nothing of the hold that stands beside it."""
    own, was, now = (
        {name: getattr(each, name) for name in Saved.__struct_fields__} for each in (saved, standing, written)
    )
    return replace(saved, **{name: _edited(own[name], was[name], now[name]) for name in own})


def _edited(own: Any, was: Any, now: Any) -> Any:
    if was == now:
        return own
    if not isinstance(now, dict) or not isinstance(was, dict):
        return now
    fields = own if isinstance(own, dict) else {}
    names = dict.fromkeys((*fields, *was, *now))
    result = {name: _edited(fields.get(name), was.get(name), now.get(name)) for name in names}
    return {name: value for name, value in result.items() if value is not None}
