"""The one process that a sandbox hangs on: process 1 of its namespaces, parent of every part.

`__main__` is what `sandbox.up` starts; it walks the `plan` of steps that the package `parts` describes, keeps each
process alive (`keeper`, `children`), opens doors to the outside (`forward`) and listens for orders (`control`).
When it dies, the kernel ends everything else in its namespaces.
"""
