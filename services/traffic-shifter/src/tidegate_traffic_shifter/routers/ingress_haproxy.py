"""Ingresses of HAProxy Ingress (haproxy-ingress.github.io), whose annotations match by headers and share nothing. Pure.

An Ingress with conditions of its own may stand beside one without for the same host and path. All its conditions must
hold, so that there can be one match only; without one, there is a condition that nothing meets.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter.canary_ingress import Annotations, CanaryIngress
from tidegate_traffic_shifter.share import Share

PREFIX: Final = "haproxy-ingress.github.io/"
EXACT: Final = PREFIX + "http-header-match"
PATTERN: Final = PREFIX + "http-header-match-regex"
NOBODY: Final = "host: a^"
"""Nothing comes before its own beginning."""


class IngressHaproxy(CanaryIngress):
    abilities = BUILT_IN["ingress-haproxy"]
    prefix: ClassVar[str] = PREFIX
    owned: ClassVar[tuple[str, ...]] = (EXACT,)

    def annotations(self, share: Share, own: Mapping[str, str]) -> Annotations:
        exact = [f"{name}: {value}" for match in share.matches for name, value in match.headers.items()]
        patterns = [f"{name}: ^(?:{value})$" for match in share.matches for name, value in match.headers_regex.items()]
        if not share.matches:
            patterns.append(NOBODY)
        found = {EXACT: _joined(own.get(EXACT), exact), PATTERN: _joined(own.get(PATTERN), patterns)}
        return {name: text for name, text in found.items() if text}


def _joined(own: str | None, ours: list[str]) -> str:
    """One condition a line, the user's own first."""
    return "\n".join([*(own or "").splitlines(), *ours])
