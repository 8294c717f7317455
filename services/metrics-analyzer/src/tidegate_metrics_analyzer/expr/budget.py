"""What one evaluation may still use. Pure; made by `expression` for each evaluation and handed down through
`interpreter`.

Items are counted where expr counts them, so that its own limit falls at the same place; steps and text are counted
besides, because neither a long loop nor a text doubled twenty times costs expr's budget anything.
"""

from dataclasses import dataclass
from datetime import datetime

from tidegate_metrics_analyzer.expr import limits
from tidegate_metrics_analyzer.expr.faults import beyond


@dataclass(slots=True)
class Budget:
    now: datetime | None
    """What `now()` answers; a pure function has no clock."""
    steps: int = 0
    items: int = 0
    text_bytes: int = 0

    def step(self, count: int = 1) -> None:
        self.steps += count
        if self.steps > limits.STEPS_MAX:
            raise beyond(f"the evaluation takes more than {limits.STEPS_MAX} steps")

    def grow(self, count: int) -> None:
        self.items += count
        if self.items >= limits.MEMORY_ITEMS_MAX:
            raise beyond("memory budget exceeded")

    def text(self, made: str) -> str:
        self.write(len(made))
        return made

    def write(self, count: int) -> None:
        """Called before a text of that length is made, where it can be known."""
        self.text_bytes += count
        if self.text_bytes > limits.TEXT_BYTES_MAX:
            raise beyond(f"the evaluation makes more than {limits.TEXT_BYTES_MAX} characters of text")
