"""Makes the helpers in tests/support importable as `support...`: pytest puts this file's folder on the path."""

from hypothesis import settings

pytest_plugins = ["support.sandbox"]

# A busy machine is no finding, and a failed run can be repeated: no deadline for an example, the same ones each time.
settings.register_profile("tidegate", deadline=None, derandomize=True)
settings.load_profile("tidegate")
