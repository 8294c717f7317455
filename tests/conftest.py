"""Makes the helpers in tests/support importable as `support...`: pytest puts this file's folder on the path.

It also marks what has to run alone: kills, whole stories and figures of processes, whose time limits are promises that
other tests on the same cores would break; single tests of that kind are marked where they stand. `make test` runs the
others three at a time first: most of them wait for pods, acks and timers rather than compute.
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
    "chaos",
    "e2e/test_examples.py",
    "e2e/test_story.py",
    "integration/bus/test_standing_orders_many.py",
    "integration/metrics_analyzer/test_analyzer_service.py",
    "integration/traffic_shifter/test_shift_requests.py",
    "integration/traffic_shifter/test_shifter_processes.py",
    "integration/workload_controller/test_controller_processes.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = item.path.relative_to(HERE).as_posix()
        if path.startswith(ALONE):
            item.add_marker(pytest.mark.alone)
