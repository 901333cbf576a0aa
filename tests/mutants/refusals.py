"""Limits of refusals with a seeded bug each; interface of ``service.domain.refusals.RefusalLimit``."""

from __future__ import annotations

from service.domain.refusals import RefusalLimit


class RefillsAtOnce(RefusalLimit):
    """All tokens come back when the minute on the clock changes: twice as many within a moment."""

    def spend(self, sender: str, now: float) -> tuple[int, int]:
        """Forget what was spent before this minute."""
        minute = now // self._seconds
        self._spent = {
            name: times for name, times in self._spent.items() if times[-1] // self._seconds == minute
        }
        return super().spend(sender, now)


class ForgetsTheCount(RefusalLimit):
    """Who gives its place back takes its count along."""

    def spend(self, sender: str, now: float) -> tuple[int, int]:
        """Drop the counts of quiet senders."""
        if sender not in self._spent and len(self._spent) >= self._senders:
            for name, times in self._spent.items():
                if now - times[-1] >= self._seconds:
                    self._unlogged.pop(name, None)
        return super().spend(sender, now)


class APlaceForEveryone(RefusalLimit):
    """Each address has tokens of its own, however many addresses there are."""

    def spend(self, sender: str, now: float) -> tuple[int, int]:
        """Make another place."""
        self._senders = len(self._spent) + 1
        return super().spend(sender, now)


MUTANTS = (RefillsAtOnce, ForgetsTheCount, APlaceForEveryone)
