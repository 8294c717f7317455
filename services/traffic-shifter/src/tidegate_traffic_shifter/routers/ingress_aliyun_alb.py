"""Ingresses of Alibaba Cloud's ALB: ingress-nginx's annotations under its own prefix, before other rules. Pure."""

from collections.abc import Mapping
from typing import ClassVar, Final

from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter.canary_ingress import Annotations, CanaryIngress
from tidegate_traffic_shifter.share import Share

PREFIX: Final = "alb.ingress.kubernetes.io/"
ORDER: Final = PREFIX + "order"


class IngressAliyunAlb(CanaryIngress):
    abilities = BUILT_IN["ingress-aliyun-alb"]
    prefix: ClassVar[str] = PREFIX
    class_type: ClassVar[str] = "aliyun-alb"
    owned: ClassVar[tuple[str, ...]] = (PREFIX + "canary", ORDER)

    def annotations(self, share: Share, own: Mapping[str, str]) -> Annotations:
        return super().annotations(share, own) | {ORDER: "1"}
