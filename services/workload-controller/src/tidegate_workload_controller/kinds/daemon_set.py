"""DaemonSets: native ones (`daemonset.apps`) and OpenKruise's Advanced ones (`daemonset.apps.kruise.io`)."""

from tidegate_chassis.kubernetes.resources import ADVANCED_DAEMON_SETS, DAEMON_SETS
from tidegate_workload_controller.deletion_hold import DeletionHold
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.revisioned import Revisioned
from tidegate_workload_controller.partition_hold import PartitionHold
from tidegate_workload_controller.partitions import OnNodes


class DaemonSets(Revisioned):
    anatomy = Anatomy(resource=DAEMON_SETS, holds={"partition": DeletionHold()})


class AdvancedDaemonSets(Revisioned):
    anatomy = Anatomy(
        resource=ADVANCED_DAEMON_SETS,
        holds={"partition": PartitionHold(OnNodes(), nested=True)},
        merges_strategically=False,
    )
