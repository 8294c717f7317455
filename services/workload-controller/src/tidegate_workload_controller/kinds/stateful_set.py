"""StatefulSets, native ones (`statefulset.apps`) and OpenKruise's Advanced ones (`statefulset.apps.kruise.io`)."""

from typing import Final

from tidegate_chassis.kubernetes.resources import ADVANCED_STATEFUL_SETS, STATEFUL_SETS
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.revisioned import Revisioned
from tidegate_workload_controller.partition_hold import PartitionHold
from tidegate_workload_controller.partitions import Ordered

BY_ORDINAL: Final = PartitionHold(Ordered(), nested=True)


class StatefulSets(Revisioned):
    anatomy = Anatomy(resource=STATEFUL_SETS, holds={"partition": BY_ORDINAL})


class AdvancedStatefulSets(Revisioned):
    anatomy = Anatomy(resource=ADVANCED_STATEFUL_SETS, holds={"partition": BY_ORDINAL}, merges_strategically=False)
