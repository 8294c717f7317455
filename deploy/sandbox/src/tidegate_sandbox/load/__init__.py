"""A load generator that knows whose fault a failure is: the version's that answered, or the way there's.

The demo, the bench and the chaos tests run it against the sandbox's proxy, as `python -m tidegate_sandbox.load` or
through `LoadRun`. `schedule` says when, `connection` sends, `tally` counts, `journal` writes and follows the file.
"""
