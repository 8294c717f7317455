"""The `tidegate` command: asks for rollouts, steers and watches them. An outsider: it needs the bus and the contracts.

`app` has the commands; `bus` is the only way out to NATS.
"""
