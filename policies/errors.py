"""What is wrong with a rule file: which file, which line, why. Nothing is loaded when anything is wrong."""

from __future__ import annotations


class PolicyError(ValueError):
    """A rule file is refused.

    Attributes:
        file: path relative to the policy directory.
        line: counted from 1; 0 when it is about the file as a whole.
        reason: what is wrong.
    """

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}" if line else f"{file}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


class EnforcementSwitchError(RuntimeError):
    """Something tried to switch enforcement off or on; there is no such switch."""
