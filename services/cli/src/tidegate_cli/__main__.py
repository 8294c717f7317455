"""`python -m tidegate_cli` is `tidegate`."""

from tidegate_cli.app import main

main()
