"""Kinds that no plugin is installed for, held as StatefulSets are: for custom resources made after their model.

Such a kind has replicas, a selector, a template and `updateStrategy.rollingUpdate.partition`, keeps its templates
in ControllerRevisions, and labels its pods with `controller-revision-hash`; `fitness` refuses what hasn't. Opened by
`catalogue`. The workload-controller needs rights on the kind, which its administrator gives.
"""

from tidegate_chassis.kubernetes.cluster import Cluster
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.protocol import WorkloadKind
from tidegate_workload_controller.kinds.revisioned import Revisioned
from tidegate_workload_controller.kinds.stateful_set import BY_ORDINAL


class StatefulSetLikes:
    """Every such kind, followed from its first order on."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._kinds: dict[Resource, Revisioned] = {}

    def of(self, resource: Resource) -> WorkloadKind:
        if resource not in self._kinds:
            anatomy = Anatomy(resource=resource, holds={"partition": BY_ORDINAL}, merges_strategically=False)
            self._kinds[resource] = Revisioned(self._cluster, anatomy)
        return self._kinds[resource]
