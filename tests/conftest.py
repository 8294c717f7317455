"""Makes the helpers in tests/support importable as `support...`: pytest puts this file's folder on the path."""

pytest_plugins = ["support.sandbox"]
