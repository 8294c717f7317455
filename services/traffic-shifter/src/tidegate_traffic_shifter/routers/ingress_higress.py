"""Ingresses of Higress, which reads ingress-nginx's canary annotations. Pure."""

from typing import ClassVar

from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter.routers.ingress_nginx import IngressNginx


class IngressHigress(IngressNginx):
    abilities = BUILT_IN["ingress-higress"]
    class_type: ClassVar[str] = "higress"
