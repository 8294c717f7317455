"""The podlet: the sandbox's kubelet and scheduler, and the one simulated part of it.

The sandbox starts it as `python -m tidegate_sandbox.podlet`. It gives every pod an address and real HTTP on it,
behaving as the pod's image tag and environment say. `app` composes, `worker` runs one pod, `lifecycle` decides.
"""
