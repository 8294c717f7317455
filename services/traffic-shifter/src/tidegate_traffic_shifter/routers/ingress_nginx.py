"""Ingresses of ingress-nginx: a canary Ingress with its share, one header and one cookie that choose it. Pure."""

from typing import ClassVar, Final

from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter.canary_ingress import CanaryIngress

PREFIX: Final = "nginx.ingress.kubernetes.io/"


class IngressNginx(CanaryIngress):
    abilities = BUILT_IN["ingress-nginx"]
    prefix: ClassVar[str] = PREFIX
    class_type: ClassVar[str] = "nginx"
    owned: ClassVar[tuple[str, ...]] = (PREFIX + "canary",)
