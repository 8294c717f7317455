"""How much one expression may take, so that a condition of anybody's can't hold the analyzer up. Pure.

Read by the parser, by the conversion of results and by the budget of one evaluation.
"""

from typing import Final

TEXT_CHARACTERS_MAX: Final = 10_000
"""Of the expression itself."""

NODES_MAX: Final = 10_000
"""Of its tree, as expr has it."""

NESTING_LEVELS_MAX: Final = 80
"""Of its tree: each level is some frames of our own stack. expr has no such limit."""

STEPS_MAX: Final = 200_000
"""Nodes evaluated and items touched by one evaluation: about half a second. expr has no such limit."""

MEMORY_ITEMS_MAX: Final = 1_000_000
"""Items that an evaluation may make: expr's own budget, counted where expr counts it."""

TEXT_BYTES_MAX: Final = 4_000_000
"""Characters that an evaluation may make, over all the texts it makes. expr has no such limit."""

RESULT_ITEMS_MAX: Final = 100_000
"""Values within a measured result."""

VALUE_LEVELS_MAX: Final = 50
"""How deep values may nest."""
