"""What we write on objects: annotations and labels on the workload while it is held, labels on its pods for good.

`patches` writes them, `convergence` and `release` read them back; after a crash they are all that a new holder knows
beside its order.
"""

from typing import Final

PREFIX: Final = "tidegate.io/"
ROLLOUT: Final = PREFIX + "rollout"
ORDER_REVISION: Final = PREFIX + "order-revision"
"""The fence: the newest order that wrote. A holder of an older order writes no more.

It is a label since it changes with every step: the Deployment controller copies each change of an annotation to the new
ReplicaSet before it moves a pod, by two writes of which the second is in vain.
"""
SAVED_STRATEGY: Final = PREFIX + "saved-strategy"
STABLE_REVISION: Final = PREFIX + "stable-revision"
STYLE: Final = PREFIX + "style"
"""How it is held, for who has to give it back without the order."""
HELD: Final = PREFIX + "held-change"
"""On a guarded workload whose template was changed, until a rollout takes it up: which change, by an id of its own."""
FAILED: Final = PREFIX + "failed-template"
"""On a guarded workload: the template that a rollout took back last, and which rollout. It stays without a hold."""
GUARDED: Final = PREFIX + "guarded"
"""A label of guarded workloads, by which the admission webhook selects them: the template that stands rightly."""
BESIDE: Final = PREFIX + "beside"
"""A label of the pods beside a workload, and of what they belong to: by it that tells them from the workload's own."""
BASELINE: Final = PREFIX + "baseline"
"""A label of the fresh baseline and of its pods: the workload's name."""
HELD_FOR: Final = PREFIX + "held-for"
"""On what is not the workload itself: the rollout for which it was made, or is held."""
TEMPLATE_DIGEST: Final = PREFIX + "template-digest"
"""On what is beside a workload: the template that it was given, to see when somebody changes it."""
SAVED_BEHAVIOR: Final = PREFIX + "saved-behavior"
"""On an autoscaler that is held off: the user's own `behavior`."""
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "tidegate"
ANNOTATIONS: Final = (ROLLOUT, SAVED_STRATEGY, STABLE_REVISION, STYLE, HELD)
LABELS: Final = (ORDER_REVISION,)
"""With these annotations, all that stands on a workload only while it is held."""

POD_ROLLOUT_ID: Final = PREFIX + "rollout-id"
POD_BATCH: Final = PREFIX + "batch"

POD_TEMPLATE_HASH: Final = "pod-template-hash"
"""The label by which pods of a Deployment tell their revision."""
REVISION_HASH: Final = "controller-revision-hash"
"""The label by which all others do."""
FIELD_MANAGER: Final = "tidegate-workload-controller"
