"""The orchestrator: the saga of each rollout. See app.py for how it is put together, decide.py for what it
decides.
"""
