"""The pending segment: groups are whole or nothing, a torn tail is told from damage."""

from __future__ import annotations

import pytest
from fakes.audit_logs import entries, entry

from audit.errors import LogCorruptError
from audit.segment import encode_group, scan

FIRST, SECOND = encode_group(7, entries(7, 9)), encode_group(9, entries(9, 10))


def test_groups_come_back() -> None:
    groups, end = scan(FIRST + SECOND)
    assert [(g.index, g.stop) for g in groups] == [(7, 9), (9, 10)]
    assert [data for g in groups for data in g.entries] == entries(7, 10)
    assert end == len(FIRST + SECOND)


def test_any_cut_leaves_the_groups_before_it() -> None:
    for length in range(len(FIRST), len(FIRST + SECOND)):
        groups, end = scan((FIRST + SECOND)[:length])
        assert (len(groups), end) == (1, len(FIRST))


def test_any_change_of_the_last_group_is_a_torn_tail() -> None:
    for at in range(len(FIRST), len(FIRST + SECOND)):
        data = bytearray(FIRST + SECOND)
        data[at] ^= 0x10
        assert scan(bytes(data))[1] == len(FIRST)


def test_any_change_before_a_whole_group_is_damage() -> None:
    for at in range(len(FIRST)):
        data = bytearray(FIRST + SECOND)
        data[at] ^= 0x10
        with pytest.raises(LogCorruptError):
            scan(bytes(data))


def test_groups_must_follow_each_other() -> None:
    with pytest.raises(LogCorruptError):
        scan(FIRST + encode_group(10, [entry(10)]))


@pytest.mark.parametrize("data", [b"", b"F", b"FDS1", b"FDS1" * 6, bytes(100), encode_group(1, [])])
def test_what_is_no_group_ends_at_its_start(data: bytes) -> None:
    assert scan(data) == ((), 0)
