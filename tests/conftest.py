"""Makes the helpers in tests/support importable as `support...`: pytest puts this file's folder on the path.

It also marks what has to run alone: losses of requests, kills and figures of processes, whose limits are promises that
other tests on the same cores would break. `make test` runs the others two at a time first.
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = item.path.relative_to(HERE).as_posix()
        if path.startswith(ALONE):
            item.add_marker(pytest.mark.alone)
        elif path.startswith(KINDS):
            item.add_marker(pytest.mark.kinds)
