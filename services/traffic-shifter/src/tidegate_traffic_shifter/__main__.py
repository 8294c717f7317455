"""`python -m tidegate_traffic_shifter`; continues in `app`."""

from tidegate_traffic_shifter.app import main

main()
