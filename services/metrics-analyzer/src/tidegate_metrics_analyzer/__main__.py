"""`python -m tidegate_metrics_analyzer`; continues in `app`."""

from tidegate_metrics_analyzer.app import main

main()
