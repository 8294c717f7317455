"""Whether a rule of a template is meant for a metric: its pattern is found somewhere in the metric's name. Pure.

Called by `validate` and `assembling`. A pattern that is none matches nothing, as with Argo, and `validate` tells of it.
The engine is the expressions' own, which takes no more time for a hostile pattern than for another.
"""
