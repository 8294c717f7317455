"""Verdicts on a rollout's steps, with their evidence: pass, fail or inconclusive. Knows nothing of pods or routers.

`app` composes, `holder` stands by an order, `analysis` and `run` measure, `judge`, `reading` and `window` decide
without any I/O, and `providers` ask the servers.
"""
