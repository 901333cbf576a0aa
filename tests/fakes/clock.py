"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class FakeClock:
    """``service.ports.Clock`` for tests."""

    def __init__(self, at: datetime = START) -> None:
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """The instant last set."""
        return self._at

    def advance(self, by: timedelta) -> datetime:
        """Move forward and return the new instant; a clock does not go back."""
        if by < timedelta():
            raise ValueError("time only goes forward")
        self._at += by
        return self._at
