"""Ingresses of ingress-nginx: a canary Ingress with its share, one header and one cookie that choose it. Pure."""

from collections.abc import Mapping
from typing import ClassVar, Final

from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter.canary_ingress import Annotations, CanaryIngress
from tidegate_traffic_shifter.share import Share

PREFIX: Final = "nginx.ingress.kubernetes.io/"
AFFINITY: Final = PREFIX + "affinity"
AFFINITY_OF_CANARIES: Final = PREFIX + "affinity-canary-behavior"
"""Of the canary Ingress. But for `legacy`, who has a session with the canary comes to it, whatever its weight."""


class IngressNginx(CanaryIngress):
    abilities = BUILT_IN["ingress-nginx"]
    prefix: ClassVar[str] = PREFIX
    class_type: ClassVar[str] = "nginx"
    owned: ClassVar[tuple[str, ...]] = (PREFIX + "canary",)
    also: ClassVar[tuple[str, ...]] = (AFFINITY_OF_CANARIES,)

    def annotations(self, share: Share, own: Mapping[str, str]) -> Annotations:
        found = super().annotations(share, own)
        if share.is_empty and AFFINITY in own:
            found[AFFINITY_OF_CANARIES] = "legacy"  # sessions have to leave, too
        return found
