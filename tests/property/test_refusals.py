"""A flood of refusals: few entries in any window, and the number of all of them in the log."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants.refusals import MUTANTS

from service.domain.refusals import RefusalLimit

MOST, SECONDS, SENDERS = 3, 10, 2
Event = tuple[float, str]
EVENTS = st.lists(
    st.tuples(st.sampled_from([0, 0, 0.25, 1, 4, 9.75, 10, 30]), st.sampled_from("abcdef")), max_size=120
)
#: A burst over the turn of a window; quiet senders that give their places to others; many at once.
FLOODS = (
    [(9.75, "a"), *((0.25, "a"),) * 9],
    [*((0.0, name) for name in "aaaaabbbbb"), (30.0, "c"), (0.0, "d")],
    [(0.0, name) for name in "abcdef" * 4],
)


def check(limit: RefusalLimit, steps: list[Event]) -> None:
    """Hold a limit against what is promised of it."""
    times = list(accumulate(wait for wait, _ in steps))
    logged: list[Event] = []
    told = 0
    for at, (_, sender) in zip(times, steps, strict=True):
        wait, unlogged = limit.spend(sender, at)
        assert 0 <= wait <= SECONDS
        if not wait:
            logged.append((at, sender))
            told += unlogged
    for start in times:
        window = Counter(sender for at, sender in logged if start <= at < start + SECONDS)
        assert window.total() <= MOST * (SENDERS + 1)
        assert all(count <= MOST for sender, count in window.items() if have_own_places(steps))
    end = (times[-1] if times else 0) + SECONDS
    for n, sender in enumerate("abcdef" * 2):  # everyone comes once more, so that no count is left over
        told += limit.spend(sender, end + n * SECONDS)[1]
    assert len(logged) + told == len(steps)


def have_own_places(steps: list[Event]) -> bool:
    """Whether every sender has a place of its own."""
    return len({sender for _, sender in steps}) <= SENDERS


@given(EVENTS)
@settings(max_examples=300)
def test_no_window_has_more_entries_and_no_refusal_is_lost(steps: list[Event]) -> None:
    check(RefusalLimit(MOST, SECONDS, SENDERS), steps)


@given(EVENTS.map(lambda steps: [(wait, "ab"[ord(name) % 2]) for wait, name in steps]))
def test_a_sender_with_a_place_of_its_own_has_its_own_tokens(steps: list[Event]) -> None:
    check(RefusalLimit(MOST, SECONDS, SENDERS), steps)
    alone = RefusalLimit(MOST, SECONDS, SENDERS)
    both = RefusalLimit(MOST, SECONDS, SENDERS)
    at = 0.0
    for wait, sender in steps:
        at += wait
        said = both.spend(sender, at)
        if sender == "a":
            assert said == alone.spend("a", at)


def test_after_the_wait_that_is_told_there_is_a_token() -> None:
    limit = RefusalLimit(MOST, SECONDS, SENDERS)
    for at in (0.0, 0.5, 7.0):
        assert limit.spend("a", at) == (0, 0)
    wait, _ = limit.spend("a", 7.25)
    assert wait == 3
    assert limit.spend("a", 7.25 + wait) == (0, 1)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_seeded_bug_is_seen(mutant: type[RefusalLimit]) -> None:
    seen = 0
    for flood in FLOODS:
        check(RefusalLimit(MOST, SECONDS, SENDERS), flood)
        try:
            check(mutant(MOST, SECONDS, SENDERS), flood)
        except AssertionError:
            seen += 1
    assert seen
