"""The pinned programs that a sandbox is made of, built once into a cache.

Callers ask `ensure()` for paths and get them at once when everything is there; otherwise `builder` makes what
is missing, from the go.mod files in deploy/sandbox/toolchain. `recipes` says what is built and how, `golang`
finds a Go, `debian` fetches Prometheus from the distribution, `progress` tells whoever waits.
"""

from tidegate_sandbox.toolchain.builder import Toolchain, ensure

__all__ = ["Toolchain", "ensure"]
