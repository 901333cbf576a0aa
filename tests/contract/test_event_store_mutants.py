"""Each seeded bug of ``tests/mutants/event_stores.py`` is seen by the check that is there for it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from fakes.batches import BUCKETS, admitted, expected, live, pseudonym
from mutants import event_stores

from service.adapters.events.store import DeltaEventStore

DAY = date(2026, 1, 5)
ROWS = [(n, DAY, n) for n in range(8)]
TARGET = pseudonym(3)


def test_residue_sees_files_that_an_erasure_left(tmp_path: Path) -> None:
    store = event_stores.KeepsOldFiles(tmp_path, BUCKETS)
    store.append(admitted("a", ROWS))
    assert store.erase("ledger", [TARGET]) == 1
    assert store.read_subject("ledger", TARGET).is_empty()
    assert store.residue([TARGET])


def test_residue_sees_a_pseudonym_in_the_log(tmp_path: Path) -> None:
    store = event_stores.DeletesByPredicate(tmp_path, BUCKETS)
    store.append(admitted("a", ROWS))
    store.erase("ledger", [TARGET])
    assert store.read_subject("ledger", TARGET).is_empty()
    assert [path for path in store.residue([TARGET]) if "_delta_log" in path]


def test_residue_sees_orphans_that_a_light_vacuum_leaves(tmp_path: Path) -> None:
    store = event_stores.VacuumsLightly(tmp_path, BUCKETS)
    store.append(admitted("a", ROWS))
    orphan = tmp_path / "ledger/_bucket=0/part-orphan.parquet"
    orphan.parent.mkdir(exist_ok=True)
    admitted("b", ROWS).frame.write_parquet(orphan)
    store.erase("ledger", [TARGET])
    assert store.residue([TARGET]) == ("ledger/_bucket=0/part-orphan.parquet",)


def test_rows_double_without_the_app_transaction(tmp_path: Path) -> None:
    store = event_stores.ForgetsTheTransaction(tmp_path, BUCKETS)
    for _ in range(2):
        store.append(admitted("a", ROWS))
    assert live(store.scan("ledger").collect()) != expected(ROWS)


def test_rows_double_when_the_asking_handle_does_not_write(tmp_path: Path) -> None:
    store = event_stores.AsksAnotherHandle(tmp_path, BUCKETS)
    store.append(admitted("before", []))
    store.racing_append(admitted("a", ROWS), admitted("a", ROWS))
    assert store.scan("ledger").collect().height == 2 * len(ROWS)


def test_a_writer_that_asked_too_early_is_refused_by_its_own_handle(tmp_path: Path) -> None:
    store = DeltaEventStore(tmp_path, BUCKETS)
    store.append(admitted("before", []))
    stale = DeltaTable(tmp_path / "ledger")
    store.append(admitted("a", ROWS))
    with pytest.raises(CommitFailedError):
        event_stores.commit(tmp_path / "ledger", stale, admitted("a", ROWS))


def test_totals_are_too_low_when_buckets_are_never_rewritten(tmp_path: Path) -> None:
    store = event_stores.TotalsOfTheBatchOnly(tmp_path, BUCKETS)
    store.append(admitted("a", ROWS))
    store.append(admitted("b", ROWS))
    assert live(store.scan("ledger").collect()) != expected(ROWS + ROWS)


def test_residue_sees_a_subject_who_was_erased_while_the_source_was_read(tmp_path: Path) -> None:
    store = event_stores.StoresWhoIsGone(tmp_path, BUCKETS)
    batch = admitted("a", ROWS)
    others = pl.DataFrame({"_sp": [pseudonym(n) for n, _, _ in ROWS if n != 3]})
    with store.stage(batch.id, batch.contract) as stage:
        stage.add(batch)
        stage.commit(lambda: others)
    assert store.residue([TARGET])
