"""A step's matches, in the Gateway API's words, as those of a request: exact headers and queries, prefixes of paths.

Pure; called by `translate`.
"""

from collections.abc import Iterator
from typing import Final

from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import HttpMatch
from tidegate_rollout_operator.kruise import HttpRouteMatch

EXACT: Final = "Exact"
PREFIX: Final = "PathPrefix"


def match_of(match: HttpRouteMatch) -> HttpMatch:
    return HttpMatch(
        headers={each.name: each.value for each in match.headers},
        query={each.name: each.value for each in match.query_params},
        path_prefix=(match.path.value or "/") if match.path is not None else None,
    )


def match_problems(at: str, match: HttpRouteMatch) -> Iterator[Problem]:
    """What of a match can't be said in a request."""
    for part, each in [
        *((f"headers[{index}]", each) for index, each in enumerate(match.headers)),
        *((f"queryParams[{index}]", each) for index, each in enumerate(match.query_params)),
    ]:
        if each.type not in ("", EXACT):
            yield problem(f"{at}.{part}.type", each.type, EXACT, "Match the exact value; patterns are not served yet.")
    if match.path is not None and match.path.type not in ("", PREFIX):
        yield problem(f"{at}.path.type", match.path.type, PREFIX, "Match a prefix; others are not served yet.")
