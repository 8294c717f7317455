"""Kinds of workloads, as plugins of the entry-point group `tidegate.workload_kinds`.

A plugin is named as in a workload key, by its lower-case kind and group (`deployment.apps`), and is a class that is
called with the `Cluster`. `holder` asks it for one workload at a time; see `kinds.protocol` for what it has to be.
"""
