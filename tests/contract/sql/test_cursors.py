"""Cursors move from one committed position to the next, on SQLite and PostgreSQL; nothing is skipped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count, product
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants.cursors import Hasty
from sqlalchemy import Engine

from service.adapters.sql.sources import SqlCursors
from service.errors import ConflictError, UsageError
from service.ports import Cursor, CursorTable, Ops


def overtakes(cursors: CursorTable) -> bool:
    """Whether a newer batch can be begun while one is pending."""
    cursors.begin("core", "statements", "1")
    try:
        cursors.begin("core", "statements", "2")
    except ConflictError:
        return False
    return True


def test_a_batch_is_begun_and_finished(ops: Ops) -> None:
    with ops() as tx:
        assert tx.cursors.get("core", "statements") == Cursor("", "")
        tx.cursors.begin("core", "statements", "1")
    with ops() as tx:
        assert tx.cursors.get("core", "statements") == Cursor("", "1")
        tx.cursors.begin("core", "statements", "1")
        tx.cursors.finish("core", "statements", "1")
    with ops() as tx:
        assert tx.cursors.get("core", "statements") == Cursor("1", "")
        tx.cursors.begin("core", "statements", "2")
        assert tx.cursors.get("core", "statements") == Cursor("1", "2")
        assert tx.cursors.get("core", "notes") == tx.cursors.get("other", "statements") == Cursor()


def test_a_newer_batch_cannot_overtake_a_pending_one(engine: Engine) -> None:
    with engine.begin() as connection:
        assert not overtakes(SqlCursors(connection))
        assert SqlCursors(connection).get("core", "statements") == Cursor("", "1")


def test_a_cursor_that_is_simply_overwritten_would_be_caught(engine: Engine) -> None:
    with engine.begin() as connection:
        SqlCursors(connection).begin("core", "statements", "0")
        SqlCursors(connection).finish("core", "statements", "0")
        assert overtakes(Hasty(connection))


def test_the_empty_position_is_no_position(ops: Ops) -> None:
    with ops() as tx:
        with pytest.raises(UsageError):
            tx.cursors.begin("core", "statements", "")
        tx.cursors.begin("core", "statements", "1")
        tx.cursors.finish("core", "statements", "1")
        with pytest.raises(ConflictError):
            tx.cursors.finish("core", "statements", "")
        assert tx.cursors.get("core", "statements") == Cursor("1", "")


def test_a_rolled_back_transaction_moves_nothing(ops: Ops) -> None:
    def fail() -> None:
        with ops() as tx:
            tx.cursors.begin("core", "statements", "1")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with ops() as tx:
        assert tx.cursors.get("core", "statements") == Cursor()


@pytest.mark.parametrize("started", [False, True])
def test_of_many_that_begin_at_the_same_time_one_does(ops: Ops, *, started: bool) -> None:
    if started:
        with ops() as tx:
            tx.cursors.begin("core", "statements", "0")
            tx.cursors.finish("core", "statements", "0")
    at_once = Barrier(8)

    def begin(upto: int) -> bool:
        at_once.wait()
        try:
            with ops() as tx:
                tx.cursors.begin("core", "statements", f"{upto}")
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [n for n, began in enumerate(pool.map(begin, range(8))) if began]
    with ops() as tx:
        assert [tx.cursors.get("core", "statements").pending] == [f"{n}" for n in won]


_RUN = count()
_KEYS = tuple(product(("core", "web"), ("statements", "notes")))
_STEPS = st.tuples(
    st.sampled_from(_KEYS), st.sampled_from(["begin", "finish"]), st.sampled_from(["", *"abc"])
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_STEPS, max_size=20))
def test_cursors_follow_the_model(ops: Ops, steps: list[tuple[tuple[str, str], str, str]]) -> None:
    run = f"{next(_RUN)}-"
    model = dict.fromkeys(_KEYS, Cursor())
    for key, step, upto in steps:
        source, dataset = key
        done, pending = model[key].done, model[key].pending
        if step == "begin":
            allowed, after = upto != "" and pending in {"", upto}, Cursor(done, upto)
        else:
            allowed, after = upto != "" and pending == upto, Cursor(upto, "")
        try:
            with ops() as tx:
                getattr(tx.cursors, step)(run + source, dataset, upto)
        except (ConflictError, UsageError):
            assert not allowed
        else:
            assert allowed
            model[key] = after
        with ops() as tx:
            assert {k: tx.cursors.get(run + k[0], k[1]) for k in _KEYS} == model
