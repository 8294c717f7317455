"""`python -m tidegate_orchestrator`; continues in `app`."""

from tidegate_orchestrator.app import main

main()
