"""However rows are cut into batches, in whatever order and however often they come, live rows are equal."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path

from fakes.batches import BUCKETS, Row, admitted, expected, ledger_contract, live, pseudonym
from hypothesis import given, settings
from hypothesis import strategies as st

from service.adapters.events.store import DeltaEventStore

SUBJECTS = st.integers(0, 5)
DAYS = st.dates(date(2025, 12, 30), date(2026, 2, 2))
ROWS = st.lists(st.tuples(SUBJECTS, DAYS, st.integers(-100, 100)), max_size=12)
CUTS = st.lists(st.integers(0, 12), max_size=3).map(sorted)


@contextmanager
def fresh() -> Iterator[DeltaEventStore]:
    """A store in a directory of its own: Hypothesis runs many examples per test."""
    with tempfile.TemporaryDirectory() as folder:
        yield DeltaEventStore(Path(folder), BUCKETS)


def cut(rows: list[Row], cuts: list[int]) -> list[list[Row]]:
    """The rows in consecutive parts."""
    edges = [0, *(min(c, len(rows)) for c in cuts), len(rows)]
    return [rows[a:b] for a, b in pairwise(edges)]


@settings(max_examples=40, deadline=None)
@given(ROWS, CUTS, st.randoms(use_true_random=False), st.integers(1, 2))
def test_any_split_order_and_repetition_gives_the_same_rows(
    rows: list[Row], cuts: list[int], shuffle: random.Random, times: int
) -> None:
    parts = [admitted(f"part {n}", part) for n, part in enumerate(cut(rows, cuts))]
    order = parts * times
    shuffle.shuffle(order)
    with fresh() as store:
        for part in order:
            store.append(part)
        assert live(store.scan("ledger").collect()) == expected(rows)


@settings(max_examples=25, deadline=None)
@given(ROWS, CUTS)
def test_one_row_per_subject_keeps_the_latest_whatever_the_split(rows: list[Row], cuts: list[int]) -> None:
    contract = ledger_contract(row_per_subject=True)
    in_time = sorted(rows, key=lambda row: row[1])  # stable: of one day, the one that came later
    last = list({subject: (subject, day, cents) for subject, day, cents in in_time}.values())
    with fresh() as store:
        for n, part in enumerate(cut(rows, cuts)):
            store.append(admitted(f"part {n}", part, contract=contract))
        assert live(store.scan("ledger").collect()) == expected(last)


@settings(max_examples=25, deadline=None)
@given(ROWS, CUTS, st.sets(SUBJECTS, max_size=3))
def test_erasure_leaves_no_residue_and_every_other_row(
    rows: list[Row], cuts: list[int], gone: set[int]
) -> None:
    targets = [pseudonym(subject) for subject in gone]
    with fresh() as store:
        for n, part in enumerate(cut(rows, cuts)):
            store.append(admitted(f"part {n}", part, rejected=[row[0] for row in part]))
        removed = {name: store.erase(name, targets) for name in store.tables()}
        assert removed["ledger"] == sum(row[0] in gone for row in rows)
        assert store.residue(targets) == ()
        assert live(store.scan("ledger").collect()) == expected([row for row in rows if row[0] not in gone])
