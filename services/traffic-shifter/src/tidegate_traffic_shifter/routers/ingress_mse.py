"""Ingresses of Alibaba Cloud's MSE: ingress-nginx's canary annotations, queries, a subset and one header set. Pure."""

from collections.abc import Mapping
from typing import ClassVar, Final

from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter.canary_ingress import Annotations, CanaryIngress
from tidegate_traffic_shifter.routers.ingress_nginx import PREFIX
from tidegate_traffic_shifter.share import Share

MSE: Final = "mse.ingress.kubernetes.io/"
SUBSET: Final = MSE + "service-subset"
GRAY: Final = "gray"
HEADER_UPDATE: Final = MSE + "request-header-control-update"


class IngressMse(CanaryIngress):
    abilities = BUILT_IN["ingress-mse"]
    prefix: ClassVar[str] = PREFIX
    class_type: ClassVar[str] = "mse"
    owned: ClassVar[tuple[str, ...]] = (PREFIX + "canary", MSE + "canary")
    also: ClassVar[tuple[str, ...]] = (HEADER_UPDATE, SUBSET)

    def annotations(self, share: Share, own: Mapping[str, str]) -> Annotations:
        found = super().annotations(share, own)
        for match in share.matches:
            for name, value in match.query.items():
                found |= {PREFIX + "canary-by-query": name, PREFIX + "canary-by-query-value": value}
            for name, value in match.query_regex.items():
                found |= {PREFIX + "canary-by-query": name, PREFIX + "canary-by-query-pattern": value}
        if SUBSET in own:
            found[SUBSET] = GRAY
        change = share.request_headers or share.headers
        # At most one: the script that made the format joins several without anything between them.
        for name, value in change.set.items() if change is not None else ():
            found[HEADER_UPDATE] = f"{name} {value}"
        return found
