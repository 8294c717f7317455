"""`python -m tidegate_rollout_operator`; continues in `app`."""

from tidegate_rollout_operator.app import main

main()
