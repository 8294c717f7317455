"""The figures that Tidegate promises, measured in one run on one machine."""
