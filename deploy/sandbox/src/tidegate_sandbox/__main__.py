"""`python -m tidegate_sandbox`: see `cli`."""

from tidegate_sandbox.cli import main

main()
