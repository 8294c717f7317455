"""Kubernetes access for every service: client, reflector, work queue. README.md beside this file shows their use.

Import from the modules: `client.KubernetesClient`, `resources.DEPLOYMENTS`, `objects.KubernetesObject`,
`reflector.Reflector`, `workqueue.WorkQueue`. This package re-exports nothing, so a service pays only for what it uses.
"""
