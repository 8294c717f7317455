"""Measurements that a Job of the cluster takes, as templates of Argo's `job` provider ask for them.

`template_measure` asks a `runner`; `document` and `manifest` say what is made, and `outcome` what came of it.
"""
