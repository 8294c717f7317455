"""The rollout-operator: Kruise's Rollout resources as guards and controls, and the history of events as their status.

It translates and decides nothing about how a rollout proceeds; it knows no kind of workload and starts at `app`.
"""
