"""The clock of the machine and the one of the tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fakes.clock import START, FakeClock

from service.adapters.clock import SystemClock


def test_the_system_clock_tells_the_time_in_utc() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert before <= now <= datetime.now(UTC)


def test_the_fake_clock_moves_only_when_told_and_only_forward(clock: FakeClock) -> None:
    assert clock.now() == clock.now() == START
    assert clock.advance(timedelta(days=1)) == clock.now() == START + timedelta(days=1)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(timedelta(seconds=-1))
