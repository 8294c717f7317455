"""Which pods a Service sends requests to; pure. Called by `services`, which knows the slices.

Pods are known by their endpoints only: this service never reads a pod.
"""

import math
from collections.abc import Iterable

import msgspec

from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_traffic_shifter.seen import Endpoint, EndpointSlice, Service


class Endpoints(msgspec.Struct, frozen=True):
    """Endpoints of one Service that are not on their way out."""

    ready: frozenset[str] = frozenset()
    unready: frozenset[str] = frozenset()


def endpoints_of(service: Service, slices: Iterable[EndpointSlice]) -> Endpoints:
    """Only slices of this very Service count: those of an earlier namesake may still be there."""
    ready: set[str] = set()
    unready: set[str] = set()
    for found in slices:
        if found.metadata.controller_uid == service.metadata.uid:
            for endpoint in found.endpoints or ():
                if not endpoint.conditions.terminating:
                    (ready if endpoint.conditions.ready else unready).add(_identity(endpoint))
    return Endpoints(frozenset(ready), frozenset(unready))


def needed(weight_percent: int, *, before_percent: int, stable: int, reported: int) -> int:
    """So many endpoints carry a share as well as the stable ones carry theirs now.

    Args:
        weight_percent: The share.
        before_percent: The share until now.
        stable: So many carry the rest.
        reported: The new version's ready pods, which the step was approved with: more are never needed.
    """
    if weight_percent <= before_percent:
        return 0
    return min(reported, math.ceil(stable * weight_percent / (WHOLE_PERCENT - before_percent)))


def _identity(endpoint: Endpoint) -> str:
    if endpoint.target_ref is not None and endpoint.target_ref.uid:
        return endpoint.target_ref.uid
    return ",".join(endpoint.addresses)
