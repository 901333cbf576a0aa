"""What every caller of the event store may rely on."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from fakes.batches import BUCKETS, admitted, expected, ledger_contract, live, pseudonym

from service.adapters.events.store import DeltaEventStore
from service.domain.batches import REJECTED
from service.errors import ConflictError, StorageError, UnknownError, UsageError
from service.ports import EventStore

JANUARY, FEBRUARY = date(2026, 1, 5), date(2026, 2, 5)


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    """An empty store."""
    return DeltaEventStore(tmp_path / "events", BUCKETS)


def test_a_batch_is_stored_with_totals_and_without_row_or_subject_numbers(store: EventStore) -> None:
    rows = [(1, JANUARY, 10), (1, JANUARY, -4), (1, FEBRUARY, 7), (2, JANUARY, 1)]
    store.append(admitted("a", rows))
    frame = store.scan("ledger").collect()
    assert frame.columns == ["_sp", "booked_on", "cents", "_n", "_batch", "_bucket"]
    assert live(frame) == expected(rows)


def test_the_same_batch_again_changes_nothing(store: EventStore) -> None:
    batch = admitted("a", [(1, JANUARY, 10)], rejected=[None, 2])
    version = store.append(batch)
    assert store.append(batch) == version
    assert store.scan("ledger").collect().height == 1
    assert store.scan("quarantine_ledger").collect().height == 2


def test_late_rows_of_a_month_raise_the_totals_of_those_already_stored_in_one_commit(
    store: EventStore,
) -> None:
    first, late = [(1, JANUARY, 10), (2, JANUARY, 3)], [(1, JANUARY, 5)]
    version = store.append(admitted("a", first))
    assert store.append(admitted("b", late)) == version + 1
    assert live(store.scan("ledger").collect()) == expected(first + late)


def test_the_newest_row_of_a_subject_wins(store: EventStore) -> None:
    contract = ledger_contract(row_per_subject=True)
    store.append(admitted("a", [(1, JANUARY, 1), (2, JANUARY, 2)], contract=contract))
    store.append(admitted("b", [(1, FEBRUARY, 5), (1, FEBRUARY, 6), (3, JANUARY, 9)], contract=contract))
    assert live(store.scan("ledger").collect()) == expected(
        [(1, FEBRUARY, 6), (2, JANUARY, 2), (3, JANUARY, 9)]
    )


def test_an_older_row_that_arrives_later_does_not_win(store: EventStore) -> None:
    contract = ledger_contract(row_per_subject=True)
    store.append(admitted("a", [(1, FEBRUARY, 1), (2, JANUARY, 2)], contract=contract))
    store.append(admitted("b", [(1, JANUARY, 5), (2, JANUARY, 6)], contract=contract))
    assert live(store.scan("ledger").collect()) == expected([(1, FEBRUARY, 1), (2, JANUARY, 6)])


def test_a_batch_of_rejected_rows_only_leaves_the_table_empty(store: EventStore) -> None:
    store.append(admitted("a", [], rejected=[None]))
    assert store.scan("ledger").collect().is_empty()
    assert store.tables() == ("ledger", "quarantine_ledger")


def test_quarantine_holds_the_rejected_columns_and_bucket_zero_for_nobody(store: EventStore) -> None:
    store.append(admitted("a", [], rejected=[1, None]))
    frame = store.scan("quarantine_ledger").collect().sort("_row")
    assert set(frame.columns) == {"_batch", "_bucket", *REJECTED.names()}
    assert frame["_bucket"].to_list() == [store.bucket_of(pseudonym(1)), 0]


def test_one_bucket_is_read_from_its_own_files_only(store: EventStore) -> None:
    store.append(admitted("a", [(n, JANUARY, n) for n in range(40)]))
    parts = [store.scan("ledger", bucket=k).collect() for k in range(store.n_buckets)]
    assert [set(part["_bucket"]) for part in parts] == [{k} for k in range(store.n_buckets)]
    assert sum(part.height for part in parts) == 40
    assert "_bucket=1" in store.scan("ledger", bucket=1).explain()
    assert "_bucket=2" not in store.scan("ledger", bucket=1).explain()


def test_a_subject_is_read_alone(store: EventStore) -> None:
    store.append(admitted("a", [(1, JANUARY, 1), (1, FEBRUARY, 2), (2, JANUARY, 3)]))
    assert sorted(store.read_subject("ledger", pseudonym(1))["cents"]) == [1, 2]
    assert store.read_subject("ledger", pseudonym(9)).is_empty()


def test_erasure_leaves_no_byte_of_the_subject_and_every_row_of_the_others(store: EventStore) -> None:
    rows = [(n % 7, JANUARY, n) for n in range(70)]
    store.append(admitted("a", rows, rejected=[3, None, 4]))
    store.append(admitted("b", [(3, JANUARY, 1)]))
    others = [r for r in rows if r[0] != 3]
    assert len(store.residue([pseudonym(3)])) >= 2
    assert [store.erase(name, [pseudonym(3)]) for name in store.tables()] == [11, 1]
    assert store.residue([pseudonym(3)]) == ()
    assert live(store.scan("ledger").collect()) == expected(others)
    assert set(store.scan("quarantine_ledger").collect()["_sp"]) == {None, pseudonym(4)}


def test_erasing_the_only_subject_of_a_bucket_empties_it(store: EventStore) -> None:
    store.append(admitted("a", [(1, JANUARY, 1)]))
    assert store.erase("ledger", [pseudonym(1)]) == 1
    assert store.scan("ledger").collect().is_empty()
    assert store.residue([pseudonym(1)]) == ()
    store.append(admitted("b", [(2, JANUARY, 1)]))
    assert store.scan("ledger").collect().height == 1


def test_erasing_nobody_keeps_the_version(store: EventStore) -> None:
    store.append(admitted("a", [(1, JANUARY, 1)]))
    store.append(admitted("b", [(1, JANUARY, 1)]))
    store.erase("ledger", [pseudonym(1)])
    version = store.version("ledger")
    assert store.erase("ledger", [pseudonym(1)]) == 0
    assert store.version("ledger") == version


def test_erasure_removes_what_an_aborted_write_left(store: EventStore, tmp_path: Path) -> None:
    store.append(admitted("a", [(1, JANUARY, 1)]))
    left = admitted("b", [(8, JANUARY, 1)]).frame.drop("_bucket")
    folder = tmp_path / "events/ledger/_bucket=0"
    folder.mkdir(exist_ok=True)
    left.write_parquet(folder / "part-orphan.parquet")
    left.write_parquet(folder / "part-staged.parquet#1", compression="uncompressed")
    (tmp_path / "events/ledger/_delta_log/_commit_x.json.tmp").write_bytes(pseudonym(8))
    assert len(store.residue([pseudonym(8)])) == 3
    assert store.erase("ledger", [pseudonym(8)]) == 0
    assert store.residue([pseudonym(8)]) == ()


def test_the_log_shows_ranges_of_the_period_only(store: EventStore, tmp_path: Path) -> None:
    store.append(admitted("a", [(1, JANUARY, 12345)], rejected=[2]))
    seen: set[str] = set()
    for log in (tmp_path / "events").rglob("_delta_log/*.json"):
        for line in log.read_text().splitlines():
            stats = json.loads(json.loads(line).get("add", {}).get("stats") or "{}")
            seen |= {*stats.get("minValues", {}), *stats.get("maxValues", {}), *stats.get("nullCount", {})}
    assert seen == {"booked_on"}


def test_files_are_zstd_and_deletion_vectors_are_off(store: EventStore, tmp_path: Path) -> None:
    store.append(admitted("a", [(1, JANUARY, 1)]))
    table = DeltaTable(tmp_path / "events/ledger")
    assert table.metadata().configuration["delta.enableDeletionVectors"] == "false"
    assert all(uri.endswith(".zstd.parquet") for uri in table.file_uris())


def test_checkpoints_of_the_log_hold_no_pseudonym(store: EventStore, tmp_path: Path) -> None:
    for n in range(3):
        store.append(admitted(f"b{n}", [(n, JANUARY, n)]))
    DeltaTable(tmp_path / "events/ledger").create_checkpoint()
    store.erase("ledger", [pseudonym(0)])
    assert list((tmp_path / "events/ledger/_delta_log").glob("*.checkpoint.parquet"))
    assert store.residue([pseudonym(0)]) == ()
    assert store.scan("ledger").collect().height == 2


def test_a_derived_table_is_replaced_with_its_schema(store: EventStore) -> None:
    base = admitted("a", [(1, JANUARY, 1), (2, JANUARY, 2)]).frame
    store.replace("derived_profile", base.select("_sp", "_bucket", segment=pl.lit("gold")))
    version = store.version("derived_profile")
    one = base.head(1).select("_sp", "_bucket", score=pl.lit(600))
    assert store.replace("derived_profile", one) == version + 1
    assert store.scan("derived_profile").collect().columns == ["_sp", "_bucket", "score"]
    store.erase("derived_profile", [pseudonym(1), pseudonym(2)])
    assert store.residue([pseudonym(1), pseudonym(2)]) == ()


def test_a_scan_keeps_its_snapshot_while_others_append(store: EventStore) -> None:
    store.append(admitted("a", [(1, JANUARY, 1)]))
    before = store.scan("ledger")
    store.append(admitted("b", [(1, JANUARY, 2)]))
    assert before.collect()["_n"].to_list() == [1]


def test_two_stores_over_one_directory_see_each_other(tmp_path: Path) -> None:
    one, two = (DeltaEventStore(tmp_path / "events", BUCKETS) for _ in range(2))
    one.append(admitted("a", [(1, JANUARY, 1)]))
    two.append(admitted("b", [(1, JANUARY, 2)]))
    one.append(admitted("b", [(1, JANUARY, 2)]))
    assert live(one.scan("ledger").collect()) == expected([(1, JANUARY, 1), (1, JANUARY, 2)])


def test_another_number_of_buckets_is_refused(tmp_path: Path) -> None:
    DeltaEventStore(tmp_path / "events", 4)
    with pytest.raises(ConflictError) as caught:
        DeltaEventStore(tmp_path / "events", 8)
    assert caught.value.fields == {"stored": 4, "asked": 8}


def test_a_number_of_buckets_that_does_not_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        DeltaEventStore(tmp_path / "events", 6)


def test_unknown_tables_are_refused_by_name(store: EventStore) -> None:
    assert store.version("ledger") == -1
    assert store.tables() == ()
    for act in (
        lambda: store.scan("ledger"),
        lambda: store.read_subject("ledger", pseudonym(1)),
        lambda: store.erase("ledger", [pseudonym(1)]),
        lambda: store.scan("../../etc"),
    ):
        with pytest.raises(UnknownError):
            act()


def test_a_table_name_cannot_leave_the_directory(store: EventStore) -> None:
    with pytest.raises(UsageError):
        store.replace("../outside", admitted("a", [(1, JANUARY, 1)]).frame)


def test_a_damaged_table_is_an_error_without_row_values(store: EventStore, tmp_path: Path) -> None:
    store.append(admitted("a", [(1, JANUARY, 1)]))
    for log in (tmp_path / "events/ledger/_delta_log").glob("*.json"):
        log.write_text("{not json")
    with pytest.raises(StorageError) as caught:
        store.append(admitted("b", [(2, JANUARY, 1)]))
    assert caught.value.__cause__ is None
    assert caught.value.fields["table"] == "ledger"


def test_no_pseudonyms_leave_no_residue(store: EventStore) -> None:
    assert store.residue([]) == ()


def test_a_parquet_file_that_cannot_be_read_counts_as_residue(store: EventStore, tmp_path: Path) -> None:
    store.append(admitted("a", [(1, JANUARY, 1)]))
    (tmp_path / "events/ledger/half.parquet").write_bytes(b"PAR1 half")
    assert store.residue([pseudonym(5)]) == ("ledger/half.parquet",)


def test_writers_at_once_take_turns(tmp_path: Path) -> None:
    parts = [[(n, JANUARY, k) for n in range(20)] for k in range(4)]
    jobs = [admitted(f"part {k}", part) for k, part in enumerate(parts)] * 2
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda job: DeltaEventStore(tmp_path / "events", BUCKETS).append(job), jobs))
    frame = DeltaEventStore(tmp_path / "events", BUCKETS).scan("ledger").collect()
    assert live(frame) == expected([row for part in parts for row in part])


def test_a_batch_whose_counts_have_expired_from_the_log_is_counted_again(tmp_path: Path) -> None:
    store = DeltaEventStore(tmp_path, BUCKETS)
    batch = admitted("a", [(1, JANUARY, 1), (1, FEBRUARY, 2), (2, JANUARY, 3)])
    store.append(batch)
    for n in range(12):
        store.append(admitted(f"b{n}", [(9, JANUARY, n)]))
    table = DeltaTable(tmp_path / "ledger")
    table.create_checkpoint()
    for entry in (tmp_path / "ledger" / "_delta_log").glob("0000000000000000000[0-9].json"):
        entry.unlink()

    with store.stage(batch.id, batch.contract) as stage:
        stage.add(batch)
        done = stage.commit()

    assert (done.rows, done.subjects) == (3, 2)
