"""The stores and the oracle that other tests lean on do what they claim."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from fakes import naive_merkle as naive
from fakes.audit_logs import CountingStore, FailingStore, PowerCutStore, flips

from audit.filestore import FileStore


def test_the_oracle_hashes_three_leaves_as_the_definition_says() -> None:
    a, b, c = (hashlib.sha256(b"\x00" + leaf).digest() for leaf in (b"a", b"b", b"c"))
    ab = hashlib.sha256(b"\x01" + a + b).digest()
    assert naive.tree_hash([b"a", b"b", b"c"]) == hashlib.sha256(b"\x01" + ab + c).digest()
    assert naive.path(2, [b"a", b"b", b"c"]) == [ab]
    assert naive.proof(2, [b"a", b"b", b"c"]) == [c]


def test_a_power_cut_forgets_exactly_what_was_not_synced(tmp_path: Path) -> None:
    FileStore.create(tmp_path)
    store = PowerCutStore(tmp_path)
    store.append_pending(b"kept", 0)
    store.sync_pending()
    store.append_pending(b"lost", 4)
    store.power_cut()
    assert store.read_pending(0) == b"kept"


@pytest.mark.parametrize("after", [False, True])
def test_a_failing_store_fails_once_at_the_given_operation(tmp_path: Path, *, after: bool) -> None:
    FileStore.create(tmp_path)
    store = FailingStore(tmp_path, at=1, after=after, error=InterruptedError)
    store.write({"a": b"1"})
    with pytest.raises(InterruptedError):
        store.write({"a": b"2"})
    assert store.spent
    assert store.read("a") == (b"2" if after else b"1")
    store.write({"a": b"3"})


def test_syncs_are_counted(tmp_path: Path) -> None:
    FileStore.create(tmp_path)
    store = CountingStore(tmp_path)
    store.sync_pending()
    store.sync_pending()
    assert store.syncs == 2


def test_flips_touch_every_place_once_per_mask() -> None:
    changed = list(flips(b"abc"))
    assert [at for at, _ in changed] == [0, 0, 1, 1, 2, 2]
    assert len({data for _, data in changed} | {b"abc"}) == 7
