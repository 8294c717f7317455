"""A route's rules with a share in them, and back, whichever way the share is told apart; pure.

Called by `gateway_rules`.
"""

from tidegate_traffic_shifter import marked, shares
from tidegate_traffic_shifter.matches import Narrow
from tidegate_traffic_shifter.seen import Rule
from tidegate_traffic_shifter.share import Share


def render(original: list[Rule], namespace: str, share: Share, narrow: Narrow) -> list[Rule]:
    """The wanted rules, made of the user's own."""
    if share.headers is not None:
        return marked.render(original, namespace, share, narrow)
    return shares.render(original, namespace, share, narrow)


def recover(edited: list[Rule], original: list[Rule], namespace: str, share: Share, narrow: Narrow) -> list[Rule]:
    """The user's own rules as an edit of the rendered ones means them."""
    if share.headers is not None:
        return marked.recover(edited, original, namespace, share, narrow)
    return shares.recover(edited, original, namespace, share)
