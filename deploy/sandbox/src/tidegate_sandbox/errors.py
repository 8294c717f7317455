"""The one error that people see: what went wrong, and what they can do about it.

Raised by every part of the sandbox; `cli` prints it without a traceback.
"""


class SandboxError(Exception):
    """Something that the person who started the sandbox can act on."""

    def __init__(self, message: str, *, remedy: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy
        self.detail = detail

    def __str__(self) -> str:
        lines = [str(self.args[0])]
        if self.detail:
            lines.append(self.detail)
        if self.remedy:
            lines.append(f"what to do: {self.remedy}")
        return "\n".join(lines)
