"""Makes the helpers in tests/support importable as `support...`: pytest puts this file's folder on the path.

It also marks what has to run alone: losses of requests, kills and figures of processes, whose limits are promises that
other tests on the same cores would break. `make test` runs the others two at a time first. And it marks what is left to
`make test-wide`, which CI runs as well, so that `make test` takes a quarter of an hour.
"""

from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["support.sandbox"]

# A busy machine is no finding, and a failed run can be repeated: no deadline for an example, the same ones each time.
settings.register_profile("tidegate", deadline=None, derandomize=True)
settings.load_profile("tidegate")

HERE = Path(__file__).parent
ALONE = (
    "e2e/test_examples.py",
    "e2e/test_story.py",
    "e2e/test_bad_versions.py",
    "e2e/test_scores.py",
    "chaos",
    "simulation",
    "integration/traffic_shifter",
    "integration/ingress_controllers",
    "integration/workload_controller/test_controller_processes.py",
    "integration/metrics_analyzer/test_analyzer_service.py",
    "integration/bus/test_standing_orders_many.py",
)

KINDS = ("integration/kinds", "integration/kruise_sandbox")
"""What needs a sandbox with OpenKruise: played by itself, so that no worker of the others has one up as well."""

WIDE = (
    # each example, score and rule, where the story, bad versions and Rollouts of `make test` show the mechanism
    "e2e/test_examples.py",
    "e2e/test_guards.py",
    "e2e/test_hold_kept.py",
    "e2e/test_kruise_with_traffic.py",
    "e2e/test_rules_of_rollouts.py",
    "e2e/test_scores.py",
    # single services and parts that are killed or starved, where chaos kills all of them in turn
    "integration/bus/test_standing_orders_faults.py",
    "integration/bus/test_standing_orders_many.py",
    "integration/chassis_kubernetes/test_reflector_survives.py",
    "integration/metrics_analyzer/test_analyzer_service.py",
    "integration/orchestrator/test_orchestrator_faults.py",
    "integration/podlet",
    "integration/rollout_operator/test_statuses_survive.py",
    "integration/sandbox/test_sandbox_parts.py",
    "integration/traffic_shifter/test_shift_disturbed.py",
    "integration/traffic_shifter/test_shifter_processes.py",
    "integration/workload_controller/test_controller_processes.py",
    "integration/workload_controller/test_hold_failing.py",
    # further kinds, routers, judgements and ways in, and what every other test stands on
    "integration/bus/test_journal.py",
    "integration/bus/test_pull.py",
    "integration/cli/test_the_doctor_in_a_cluster.py",
    "integration/kinds/test_beside_gitops.py",
    "integration/kinds/test_custom_templates.py",
    "integration/kinds/test_held_late.py",
    "integration/kinds/test_places_of_pods.py",
    "integration/kinds/test_plugin_kind.py",
    "integration/kruise_sandbox",
    "integration/metrics_analyzer/test_comparing_on_real_prometheus.py",
    "integration/metrics_analyzer/test_told_by_others.py",
    "integration/rollout_operator/test_rollouts_as_guards.py",
    "integration/rollout_operator/test_traffic_routings_held.py",
    "integration/rollout_operator/test_what_tools_look_at.py",
    "integration/traffic_shifter/test_contested.py",
    "integration/traffic_shifter/test_custom_networks.py",
    "integration/traffic_shifter/test_formats_on_the_api_server.py",
    "integration/traffic_shifter/test_plugin_router.py",
    "integration/traffic_shifter/test_refused_by_the_cluster.py",
    "integration/traffic_shifter/test_routers_together.py",
    "integration/workload_controller/test_fresh_baseline.py",
    "integration/workload_controller/test_hold_backward.py",
    "integration/workload_controller/test_hold_special.py",
    "integration/workload_controller/test_plugin_service.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = item.path.relative_to(HERE).as_posix()
        if path.startswith(WIDE) and item.get_closest_marker("thorough") is None:
            item.add_marker(pytest.mark.wide)
        if path.startswith(ALONE):
            item.add_marker(pytest.mark.alone)
        elif path.startswith(KINDS):
            item.add_marker(pytest.mark.kinds)
