"""Traefik's weighted TraefikServices: the share as weights; whoever routes to it says by what requests. Pure."""

from typing import ClassVar

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter.backends import Words
from tidegate_traffic_shifter.routers.traefik_ingress_route import SERVICES
from tidegate_traffic_shifter.worded_list import WordedList


class TraefikService(WordedList):
    resource = Resource("traefik.io", "v1alpha1", "traefikservices", "TraefikService")
    abilities = BUILT_IN["traefik-service"]
    words: ClassVar[Words] = SERVICES
    fields: ClassVar[tuple[str, ...]] = ("weighted", "services")
