"""How many refusals of a sender are written down, so that a flood of them cannot fill the log.

A sender has 30 tokens; a refusal that is written down spends one, and a token comes back a minute after it
was spent. So no window of a minute ever has more than 30 entries of a sender. A refusal without a token is
counted, and the sender's next entry carries the count: the log is complete in number. Only so many senders
have a place of their own; the others share one, so that the whole is bounded too, whatever addresses a flood
comes from. Who was quiet for a minute leaves its place, and its count, to one that comes anew.

>>> limit = RefusalLimit(most=1)
>>> limit.spend("a", 0.0), limit.spend("a", 20.5), limit.spend("a", 60.0)
((0, 0), (40, 0), (0, 1))
"""

from __future__ import annotations

import math
from collections import Counter, deque
from threading import Lock


class RefusalLimit:
    """The tokens of all senders of a process.

    Args:
        most: tokens of a sender.
        seconds: after which a token comes back.
        senders: that have a place of their own.
    """

    def __init__(self, most: int = 30, seconds: int = 60, senders: int = 30) -> None:
        self._most, self._seconds, self._senders = most, seconds, senders
        self._spent: dict[str, deque[float]] = {}
        self._unlogged: Counter[str] = Counter()
        self._lock = Lock()

    def spend(self, sender: str, now: float) -> tuple[int, int]:
        """Spend a token of a sender at an instant (Unix seconds).

        Returns:
            Seconds until there is a token again, 0 when this refusal is to be written down; and how many
            were not since the last that was.
        """
        with self._lock:
            if sender not in self._spent and len(self._spent) >= self._senders:
                quiet = [name for name, times in self._spent.items() if now - times[-1] >= self._seconds]
                sender = sender if quiet else ""
                for name in quiet:
                    del self._spent[name]
                    self._unlogged[sender] += self._unlogged.pop(name, 0)
            spent = self._spent.setdefault(sender, deque(maxlen=self._most))
            if len(spent) == self._most and now - spent[0] < self._seconds:
                self._unlogged[sender] += 1
                return max(1, math.ceil(spent[0] + self._seconds - now)), 0
            spent.append(now)
            return 0, self._unlogged.pop(sender, 0)
