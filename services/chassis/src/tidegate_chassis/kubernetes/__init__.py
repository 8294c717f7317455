"""Kubernetes access for every service: client, reflectors, cluster. README.md beside this file shows their use.

Import from the modules: `client.KubernetesClient`, `resources.DEPLOYMENTS`, `objects.KubernetesObject`,
`cluster.Cluster`. This package re-exports nothing, so a service pays only for what it uses.
"""
