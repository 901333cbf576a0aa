"""The stores and the oracle that other tests lean on do what they claim."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from fakes import naive_merkle as naive
from fakes.audit_disk import Call, Disk, parse
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


def replayed(*calls: Call) -> Disk:
    disk = Disk()
    for call in calls:
        disk.do(call)
    return disk


MADE = Call("openat", ("a",), creates=True)


def test_a_simulated_disk_keeps_what_was_synced_and_may_lose_the_rest() -> None:
    disk = replayed(MADE, Call("write", ("a",), b"kept"), Call("fsync", ("a",)), Call("fsync", (".",)))
    disk.do(Call("write", ("a",), b"lost"))
    chance = random.Random(1)
    assert disk.after_a_power_cut(chance, "none") == {"a": b"kept"}
    assert disk.after_a_power_cut(chance, "all") == {"a": b"keptlost"}
    seen = {disk.after_a_power_cut(chance, "some")["a"] for _ in range(200)}
    assert {b"kept", b"keptlost"} < seen  # and cut, zeroed or garbage ends
    assert all(data.startswith(b"kept") for data in seen)


def test_a_simulated_disk_may_lose_names_until_their_folder_is_synced() -> None:
    disk = replayed(MADE, Call("fsync", ("a",)))
    assert disk.after_a_power_cut(random.Random(1), "none") == {}
    disk.do(Call("fsync", (".",)))
    disk.do(Call("rename", ("a", "b")))
    assert disk.after_a_power_cut(random.Random(1), "none") == {"a": b""}
    assert disk.after_a_power_cut(random.Random(1), "all") == {"b": b""}
    disk.do(Call("fsync", (".",)))
    disk.do(Call("unlink", ("b",)))
    assert disk.after_a_power_cut(random.Random(1), "none") == {"b": b""}


def test_a_simulated_folder_takes_along_what_it_holds_when_it_is_named_anew() -> None:
    disk = replayed(
        Call("mkdir", ("a.tmp",)), Call("openat", ("a.tmp/x",), creates=True),
        Call("write", ("a.tmp/x",), b"1"), Call("fsync", ("a.tmp/x",)), Call("fsync", ("a.tmp",)),
        Call("fsync", (".",)), Call("rename", ("a.tmp", "a")),
    )  # fmt: skip
    assert disk.after_a_power_cut(random.Random(1), "none") == {"a.tmp/x": b"1"}
    assert disk.after_a_power_cut(random.Random(1), "all") == {"a/x": b"1"}
    disk.do(Call("openat", ("a/y",), creates=True))
    disk.do(Call("fsync", ("a",)))
    assert disk.after_a_power_cut(random.Random(1), "none") == {"a.tmp/x": b"1"}  # not even found by its name
    disk.do(Call("fsync", (".",)))
    assert disk.after_a_power_cut(random.Random(1), "none") == {"a/x": b"1", "a/y": b""}


def test_a_simulated_cut_moves_the_end_and_erases_nothing_else() -> None:
    disk = replayed(
        MADE, Call("write", ("a",), bytes(range(256)) * 4), Call("fsync", ("a",)), Call("fsync", (".",))
    )
    disk.do(Call("ftruncate", ("a",), number=600))
    seen = {disk.after_a_power_cut(random.Random(n), "some")["a"] for n in range(50)}
    assert all((bytes(range(256)) * 4).startswith(data) for data in seen)
    assert {600, 1024} <= {len(data) for data in seen}


def test_recorded_calls_are_read_from_a_trace() -> None:
    def text(value: str) -> str:
        return "".join(f"\\x{byte:02x}" for byte in value.encode())

    trace = "\n".join(
        [
            f'9 openat(AT_FDCWD<{text("/x")}>, "{text("/l/a")}", O_CREAT|O_TRUNC, 0644) = 5<{text("/l/a")}>',
            f'9 openat(AT_FDCWD<{text("/x")}>, "{text("/l/b")}", O_RDONLY) = 6<{text("/l/b")}>',
            f'9 pwrite64(5<{text("/l/a")}>, "{text("hello")}", 5, 7) = 3',
            f'9 write(7<{text("/acks")}>, "{text("0 0 2")}\\x0a", 6) = 6',
            f'9 mkdir("{text("/l/c")}", 0777) = -1 EEXIST (File exists)',
            f'9 rename("{text("/l/a")}", "{text("/l/d")}") = 0',
            f"9 fsync(8<{text('/l')}>) = 0",
            f'9 unlinkat(8<{text("/l/e")}>, "{text("f")}", 0) = 0',
            f"9 fsync(8<{text('/elsewhere')}>) = 0",
        ]
    )
    assert [*parse(trace, Path("/l"), Path("/acks"))] == [
        Call("openat", ("a",), creates=True, truncates=True),
        Call("pwrite64", ("a",), b"hel", 7),
        b"0 0 2",
        Call("rename", ("a", "d")),
        Call("fsync", (".",)),
        Call("unlinkat", ("e/f",)),
    ]
