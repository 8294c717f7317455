"""The built-in checks on the new revision's pods, written as ordinary checks on kube-state-metrics' names.

Pure; called by `analysis`. kube-state-metrics must export the pods' label:
`--metric-labels-allowlist=pods=[pod-template-hash]`. A cluster that lacks these series leaves the checks
inconclusive, so missing metrics never pass for healthy pods.
"""

from typing import Final

from tidegate_contracts.rollout import Check, PodHealth

PROVIDER: Final = "prometheus"

WINDOW_S: Final = 120.0
"""The age that a sample may have: kube-state-metrics is often scraped only twice a minute."""

INCONCLUSIVE_LIMIT: Final = 60
"""At one measurement a second: a minute for the first samples of the step to be scraped."""

UNREADY_LIMIT: Final = 5
"""At one measurement a second: pods that a rising replica count adds are not ready at once."""

PODS: Final = (
    'max by (namespace, pod) (kube_pod_labels{namespace="{{namespace}}", label_pod_template_hash="{{revision}}"})'
)
RESTARTS: Final = (
    "sum(max by (namespace, pod, container)"
    ' (kube_pod_container_status_restarts_total{namespace="{{namespace}}"})'
    f" * on (namespace, pod) group_left () {PODS})"
)
READY: Final = (
    "100 * sum(max by (namespace, pod)"
    ' (kube_pod_status_ready{namespace="{{namespace}}", condition="true"})'
    f" * on (namespace, pod) {PODS}) / count({PODS})"
)


def checks(health: PodHealth) -> tuple[Check, ...]:
    """Restarts of all containers of the revision together, and the share of its pods that are ready.

    The names hold an underscore, so no check of a request's can have them.
    """
    return (
        Check(
            name="pod_restarts",
            provider=PROVIDER,
            query=RESTARTS,
            maximum=float(health.restarts_maximum),
            window_s=WINDOW_S,
            inconclusive_limit=INCONCLUSIVE_LIMIT,
            consecutive_error_limit=INCONCLUSIVE_LIMIT - 1,
        ),
        Check(
            name="pod_readiness",
            provider=PROVIDER,
            query=READY,
            minimum=health.ready_minimum_percent,
            window_s=WINDOW_S,
            failure_limit=UNREADY_LIMIT,
            inconclusive_limit=INCONCLUSIVE_LIMIT,
            consecutive_error_limit=INCONCLUSIVE_LIMIT - 1,
        ),
    )
