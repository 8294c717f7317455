"""What every Tidegate service stands on: the bus, standing orders, Kubernetes access, logs, telemetry, life cycle.

A service's composition root starts at `service.run`; the rest is reached from the `Context` that it hands out.
"""
