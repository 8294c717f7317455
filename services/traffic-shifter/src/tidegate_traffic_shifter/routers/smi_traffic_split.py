"""TrafficSplits of the Service Mesh Interface, as Linkerd's extension for it serves them: shares only. Pure.

`v1alpha2` is the version that the meshes serve; the matches of `v1alpha4` are objects of their own.
"""

from typing import ClassVar

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter.backends import Words
from tidegate_traffic_shifter.worded_list import WordedList


class SmiTrafficSplit(WordedList):
    resource = Resource("split.smi-spec.io", "v1alpha2", "trafficsplits", "TrafficSplit")
    abilities = BUILT_IN["smi-traffic-split"]
    words: ClassVar[Words] = Words(service="service", identity=("service",))
    fields: ClassVar[tuple[str, ...]] = ("backends",)
