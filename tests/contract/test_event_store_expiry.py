"""Rows that are over leave the event store for good, and the store stays what it was without them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from fakes.batches import BUCKETS, admitted, expected, ledger_contract, live, pseudonym
from mutants.retentions import ForgetsToPurge, KeepsOldTotals

from service.adapters.events.store import DeltaEventStore
from service.errors import UnknownError
from service.ports import EventStore

OLD, EDGE, NEW = date(2026, 1, 5), date(2026, 1, 20), date(2026, 2, 5)
ROWS = [(n, day, n) for n in range(8) for day in (OLD, EDGE, NEW)]
GONE = 99
KEEP = pl.col("booked_on") >= EDGE
CONTRACT = ledger_contract()


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    """A store with rows on three days, and a person who has old ones only."""
    store = DeltaEventStore(tmp_path / "events", BUCKETS)
    store.append(admitted("a", [*ROWS, (GONE, OLD, 1)], rejected=[None, GONE]))
    return store


def test_rows_that_are_over_are_in_no_file_and_the_totals_are_those_of_the_rest(store: EventStore) -> None:
    assert store.expire("ledger", KEEP, CONTRACT) == 9
    assert live(store.scan("ledger").collect()) == expected([r for r in ROWS if r[1] >= EDGE])
    assert [path for path in store.residue([pseudonym(GONE)]) if path.startswith("ledger/")] == []
    assert store.residue([pseudonym(1)])


def test_nothing_over_keeps_version_and_rows(store: EventStore) -> None:
    store.expire("ledger", KEEP, CONTRACT)
    version, rows = store.version("ledger"), live(store.scan("ledger").collect())
    assert store.expire("ledger", KEEP, CONTRACT) == 0
    assert (store.version("ledger"), live(store.scan("ledger").collect())) == (version, rows)


def test_counting_changes_nothing(store: EventStore) -> None:
    before = store.version("ledger")
    assert store.expire("ledger", KEEP, CONTRACT, dry_run=True) == 9
    assert store.version("ledger") == before
    assert store.scan("ledger").collect().height == 25


def test_a_row_without_an_answer_is_over(store: EventStore) -> None:
    assert store.expire("ledger", pl.lit(None, pl.Boolean), CONTRACT) == 25
    assert store.scan("ledger").collect().is_empty()


def test_the_same_batch_does_not_bring_its_rows_back(store: EventStore) -> None:
    batch = admitted("b", [(GONE, OLD, 7)])
    store.append(batch)
    store.expire("ledger", KEEP, CONTRACT)
    with store.stage(batch.id, CONTRACT) as stage:
        stage.add(batch)
        again = stage.commit()
    assert again.rows == 1  # the counts of that time
    assert store.scan("ledger").filter(_sp=pseudonym(GONE)).collect().is_empty()


def test_a_table_without_totals_expires_too(store: EventStore) -> None:
    assert store.expire("quarantine_ledger", pl.col("_row") > 1) == 1
    assert store.scan("quarantine_ledger").collect()["_row"].to_list() == [2]


def test_what_a_killed_run_left_goes_though_no_row_does(store: EventStore, tmp_path: Path) -> None:
    killed = ForgetsToPurge(tmp_path / "events", BUCKETS)
    assert killed.expire("ledger", KEEP, CONTRACT) == 9
    gone = [path for path in store.residue([pseudonym(GONE)]) if path.startswith("ledger/")]
    assert gone != []  # the check sees a purge that was forgotten
    assert store.expire("ledger", KEEP, CONTRACT) == 0
    assert [path for path in store.residue([pseudonym(GONE)]) if path.startswith("ledger/")] == []


def test_totals_that_are_not_set_anew_are_noticed(store: EventStore, tmp_path: Path) -> None:
    KeepsOldTotals(tmp_path / "events", BUCKETS).expire("ledger", KEEP, CONTRACT)
    assert live(store.scan("ledger").collect()) != expected([r for r in ROWS if r[1] >= EDGE])


def test_an_unknown_table_is_refused(store: EventStore) -> None:
    with pytest.raises(UnknownError):
        store.expire("nothing", KEEP)
