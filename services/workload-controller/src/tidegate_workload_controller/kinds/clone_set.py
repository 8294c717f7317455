"""OpenKruise's CloneSets (`cloneset.apps.kruise.io`), updated in place or recreated as their own strategy says."""

from tidegate_chassis.kubernetes.resources import CLONE_SETS
from tidegate_workload_controller.kinds.anatomy import Anatomy, Beside
from tidegate_workload_controller.kinds.revisioned import Revisioned
from tidegate_workload_controller.partition_hold import PartitionHold
from tidegate_workload_controller.partitions import Counted


class CloneSets(Revisioned):
    anatomy = Anatomy(
        resource=CLONE_SETS,
        holds={"partition": PartitionHold(Counted(), nested=False)},
        beside=Beside(styles=("canary", "blue_green"), not_copied=("updateStrategy", "scaleStrategy")),
        merges_strategically=False,
    )
