"""Which of the two logs an entry belongs in: what is kept three years apart from what is kept ten.

``access`` has who looked, asked or was refused; ``governance`` what was changed, decided, spent, handed out.
Reports and certificates cite ``governance`` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

LogName = Literal["governance", "access"]
LOGS: Final[tuple[LogName, ...]] = ("governance", "access")
_LOOKING: Final = frozenset({"read", "scan", "classify", "preview", "replay"})


@dataclass(frozen=True, slots=True)
class Head:
    """A signed tree head of a shard.

    Attributes:
        log: ``governance`` or ``access``.
        year: of the shard.
        origin: its name.
        size: entries.
        root: root hash, hex.
        pruned: whether the entries were removed.
    """

    log: LogName
    year: int
    origin: str
    size: int
    root: str
    pruned: bool = False


def log_of(event: str, decision: str) -> LogName:
    """The log of an entry, by what it says was done (``noun:verb``) and decided."""
    noun, _, verb = event.partition(":")
    return "access" if decision == "deny" or noun == "audit" or verb in _LOOKING else "governance"


def is_over(year: int, keep_days: int, today: date) -> bool:
    """Whether all entries of a year's shard are older than they are kept."""
    return date(year + 1, 1, 1) + timedelta(days=keep_days) <= today
