"""A deterministic model of the bus, the services and the cluster, around the orchestrator's real code.

`schedule.run(seed)` plays one seed. Everything random comes from that seed; time is a number; nothing here
sleeps, reads a clock or opens a socket.
"""
