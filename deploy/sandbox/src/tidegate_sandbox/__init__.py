"""A real Kubernetes control plane, proxy, NATS and Prometheus on one machine; only the kubelet is simulated.

People start it by `python -m tidegate_sandbox` (see `cli`); tests and the demo by the functions of
`tidegate_sandbox.sandbox`. Nothing is imported here, so that each entry point loads only what it needs.
"""
