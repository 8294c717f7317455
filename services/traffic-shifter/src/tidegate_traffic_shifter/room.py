"""What of a share the user's own route leaves no room for. Pure.

Called by `rewriting`. A format is asked of one thing at a time: beside others, a match that fits nothing would be left
out in silence. The last one is the cookie's where a cookie is set (`affinity`).
"""

from msgspec.structs import replace

from tidegate_contracts.problem import Problem
from tidegate_contracts.rollout import HttpMatch
from tidegate_traffic_shifter import problems
from tidegate_traffic_shifter.formats import Part, Rewritten
from tidegate_traffic_shifter.router import Place
from tidegate_traffic_shifter.share import Share


def lacking(form: Rewritten, own: Part, place: Place, share: Share) -> Problem | None:
    """What is wrong with the share in this route; None when all of it can be said there."""

    def fits(*matches: HttpMatch, set_cookie: str = "") -> bool:
        return form.has_room(own, place.namespace, replace(share, matches=matches, set_cookie=set_cookie))

    last = len(share.matches) - bool(share.set_cookie)
    if not all(fits(each) for each in share.matches[:last]):
        return problems.no_match(place, form.resource.kind)
    if not all(fits(each) for each in share.matches[last:]) or not fits(set_cookie=share.set_cookie):
        return problems.cannot_keep(place)
    return None
