"""Session affinity: who came to the new version by its share has a cookie of its revision, and comes to it again. Pure.

Called by `shift`. The cookie says the revision, so that one of a former rollout counts for nothing; it is a match like
the step's own for the router, which knows nothing of sessions. A share of nothing, and one of everything, need none.
"""

import re

from msgspec.structs import replace

from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_contracts.rollout import HttpMatch, SessionAffinity
from tidegate_traffic_shifter.share import Share


def kept(share: Share, affinity: SessionAffinity, revision: str) -> Share:
    """The share with the cookie: set with its answers, and matched."""
    if not 0 < share.weight_percent < WHOLE_PERCENT:
        return share
    cookie = f"{affinity.cookie}={revision}"
    by_cookie = HttpMatch(headers_regex={"cookie": rf"(.*;\s*)?{re.escape(cookie)}(;.*)?"})
    said = f"{cookie}; Path=/; Max-Age={affinity.max_age_s}; HttpOnly; SameSite=Lax"
    return replace(share, matches=(*share.matches, by_cookie), set_cookie=said)
