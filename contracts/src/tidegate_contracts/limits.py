"""Every bound on what may be said on the bus, named and with its unit, so that no message can exhaust a service.

`validate` enforces those on requests, `topology` those that the server can enforce, `codec` the sizes.
"""

from typing import Final

STEPS_MAX: Final = 50
"""Steps in one rollout; Kruise's largest published examples have ten."""

REQUEST_BYTES_MAX: Final = 64 * 1024
CONTROL_BYTES_MAX: Final = REQUEST_BYTES_MAX + 4 * 1024
"""The largest control carries a request: what is left of a rollout's plan, changed."""

TIMER_BYTES_MAX: Final = 8 * 1024
EVENT_BYTES_MAX: Final = 128 * 1024
"""An accepted event carries its request, so this must stay above `REQUEST_BYTES_MAX`."""

MESSAGE_DEPTH_MAX: Final = 64
"""Nesting of a request or a control; a deeper one is not looked at."""

ACCEPTED_BYTES_MAX: Final = EVENT_BYTES_MAX - 16 * 1024
"""A request with its defaults filled in, and its plan: the rest of the event is for everything else that it says."""

PROBLEMS_MAX: Final = 20
"""Problems told at once, so that a rejected event stays small whatever was sent."""

NAME_LENGTH_MAX: Final = 253
"""A Kubernetes object name is a DNS subdomain (RFC 1123)."""

LABEL_LENGTH_MAX: Final = 63
"""A namespace, a Service, a cluster and a rollout id are DNS labels: they end up in labels and subject tokens."""

API_VERSION_LENGTH_MAX: Final = 180
"""With a kind before it, still a subject token."""

AUTHOR_LENGTH_MAX: Final = 253
"""Who asks, in a request or a control."""

IMAGES_MAX: Final = 20
IMAGE_LENGTH_MAX: Final = 512
PATCH_DEPTH_MAX: Final = 20
PATCH_BYTES_MAX: Final = 32 * 1024
COUNT_MAX: Final = 100_000
"""Pods that a step may ask for as a count."""

METADATA_MAX: Final = 32
"""Labels, and annotations, that a request may add to the extra pods."""

ANNOTATION_BYTES_MAX: Final = 8 * 1024
"""One annotation's value; Kubernetes' own limit is on all of an object's."""

TRAFFIC_REFERENCES_MAX: Final = 10
MATCHES_MAX: Final = 20
MATCH_PARTS_MAX: Final = 16
"""Headers, and query parameters, of one match: the Gateway API's own limits here and below."""

HEADER_NAME_LENGTH_MAX: Final = 256
HEADER_VALUE_LENGTH_MAX: Final = 4096
PATH_LENGTH_MAX: Final = 1024

CHECKS_MAX: Final = 20
"""In one analysis: of its own, and of its templates together."""
QUERY_LENGTH_MAX: Final = 4096
MEASUREMENTS_MAX: Final = 2000
"""Measurements that a check may ask for, in a row or in all."""

TEMPLATES_MAX: Final = 20
"""Templates of one analysis, those that templates name included."""
TEMPLATE_ARGUMENTS_MAX: Final = 32
ARGUMENT_LENGTH_MAX: Final = 4096
"""Characters of an argument's value."""

VERDICT_BYTES_MAX: Final = 8 * 1024
ALERT_BYTES_MAX: Final = 16 * 1024
SIGNERS_MAX: Final = 10
FIGURES_MAX: Final = 16
"""Numbers behind one verdict."""
LINK_LENGTH_MAX: Final = 512
ALERT_LABELS_MAX: Final = 16
"""Labels by which an analysis knows its alerts."""
ALERT_VALUES_MAX: Final = 16
ALERT_LOOK_BACK_S_MAX: Final = 86_400.0

GROUPS_MAX: Final = 20
"""Of one analysis' score."""
GROUPS_PER_CHECK_MAX: Final = 4

BASELINE_WORKLOAD_NAME_LENGTH_MAX: Final = 39
"""Pods' names are cut after 58 characters: room for `-canary-`, a revision and a hyphen, whole."""

COMPARISON_POINTS_MIN: Final = 8
"""The fewest pairs with which a rank test can fail anything at the highest confidence (1 / C(16, 8) = 0.00008)."""
COMPARISON_POINTS_MAX: Final = 500
COMPARISON_CONFIDENCE_PERCENT_MIN: Final = 80.0
COMPARISON_CONFIDENCE_PERCENT_MAX: Final = 99.9

DURATION_S_MAX: Final = 30 * 86_400.0
"""The longest pause, deadline or analysis: thirty days."""

GRACE_S_MAX: Final = 600.0
AFFINITY_S_MAX: Final = 30 * 86_400
REASON_LENGTH_MAX: Final = 512
EVENTS_PER_ROLLOUT_MAX: Final = 2000
"""A history longer than this is a loop; the orchestrator pauses such a rollout."""
