"""Statutory deadlines. Working days are Monday to Friday; public holidays only make us early.

>>> from datetime import UTC, datetime
>>> due_at(datetime(2026, 1, 2, tzinfo=UTC), 2, working=True).date().isoformat()
'2026-01-06'
"""

from __future__ import annotations

from datetime import datetime, timedelta


def due_at(start: datetime, days: int, *, working: bool) -> datetime:
    """``days`` after ``start``; with ``working``, Saturdays and Sundays are not counted."""
    if not working:
        return start + timedelta(days=days)
    at = start
    while days:
        at += timedelta(days=1)
        days -= at.weekday() < 5  # noqa: PLR2004 - Monday is 0, Friday 4
    return at
