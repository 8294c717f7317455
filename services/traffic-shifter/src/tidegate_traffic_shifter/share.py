"""What the new version gets of a route's requests: the one thing that every router has to say in its own words. Pure.

Made by `shift` out of the order, put into the route's words by `routers`, and kept as an annotation beside the result.
"""

import msgspec

from tidegate_contracts.rollout import HeaderChange, HttpMatch


class Revisions(msgspec.Struct, frozen=True, kw_only=True):
    """By which label of their pods the versions behind one Service are told apart."""

    label: str
    stable: str
    canary: str | None = None
    """None before there is a new version."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Which Service stands for which version, and what the new version gets."""

    service: str
    canary_service: str
    weight_percent: int = 0
    matches: tuple[HttpMatch, ...] = ()
    request_headers: HeaderChange | None = None
    """What is changed in the requests that reach the canary Service."""
    set_cookie: str = ""
    """What answers to requests that came by the share have in `Set-Cookie`; empty for none."""
    mirror_percent: int = 0
    """So many of the requests are copied to the canary Service as well."""
    revisions: Revisions | None = None
    """Where they are given, both versions have one Service, and its pods are told apart by them."""
    headers: HeaderChange | None = None
    """Where they are given, requests are only marked, and both versions have one Service (`marked`)."""

    @property
    def is_empty(self) -> bool:
        """Whether no request, and no copy of one, reaches the new version."""
        return not (self.weight_percent or self.matches or self.mirror_percent)

    def emptied(self) -> "Share":
        return Share(
            service=self.service, canary_service=self.canary_service, revisions=self.revisions, headers=self.headers
        )
