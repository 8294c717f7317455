"""`python -m tidegate_workload_controller` starts the service."""

from tidegate_workload_controller.app import main

if __name__ == "__main__":
    main()
