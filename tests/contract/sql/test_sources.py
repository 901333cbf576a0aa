"""Source systems and the answers to their idempotency keys, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import START

from service.domain.sources import PushRecord, SourceSystem
from service.errors import ConflictError
from service.ports import Ops

SOURCE = SourceSystem("core-banking", frozenset({"statements", "notes"}), frozenset({"credit_scoring"}))
KEY = "0b6f0c1e-5d43-4c8e-9d0c-0d7f3b5a1e11"


def test_a_source_comes_back_as_it_was_saved(ops: Ops) -> None:
    with ops() as tx:
        assert tx.sources.get("core-banking") is None
        tx.sources.save(SOURCE, START)
    with ops() as tx:
        assert tx.sources.get("core-banking") == SOURCE
        newer = replace(SOURCE, datasets=frozenset({"notes"}), version=2)
        tx.sources.save(newer, START + timedelta(days=1))
        assert tx.sources.get("core-banking") == newer
        tx.sources.save(replace(newer, revoked=True), START)
    with ops() as tx:
        found = tx.sources.get("core-banking")
        assert found is not None
        assert found.revoked


def test_the_version_of_a_secret_goes_on_by_one_and_never_back(ops: Ops) -> None:
    with ops() as tx:
        tx.sources.save(replace(SOURCE, version=3), START)
    for version in (1, 2, 5):
        with ops() as tx, pytest.raises(ConflictError):
            tx.sources.save(replace(SOURCE, version=version), START)
    with ops() as tx:
        tx.sources.save(replace(SOURCE, version=4), START)


def test_the_first_answer_stands_and_its_time_only_goes_on(ops: Ops) -> None:
    first = PushRecord("a" * 64, "b" * 64, 100)
    with ops() as tx:
        assert tx.sources.pushed("core-banking", KEY) is None
        tx.sources.answer("core-banking", KEY, first)
        tx.sources.answer("core-banking", KEY, PushRecord("c" * 64, "d" * 64, 90))
        assert tx.sources.pushed("core-banking", KEY) == first
        tx.sources.answer("core-banking", KEY, PushRecord("c" * 64, "d" * 64, 110))
    with ops() as tx:
        assert tx.sources.pushed("core-banking", KEY) == replace(first, created=110)
        assert tx.sources.pushed("other", KEY) is None


def test_answers_to_old_requests_are_forgotten_and_younger_ones_stand(ops: Ops) -> None:
    with ops() as tx:
        for key, created in (("old", 99), ("edge", 100), ("new", 101)):
            tx.sources.answer("core-banking", key, PushRecord("a" * 64, "b" * 64, created))
    with ops() as tx:
        assert tx.sources.forget(100, dry_run=True) == 1
        assert tx.sources.pushed("core-banking", "old") is not None
        assert tx.sources.forget(100) == 1
    with ops() as tx:
        assert [tx.sources.pushed("core-banking", k) is None for k in ("old", "edge", "new")] == [
            True, False, False,
        ]  # fmt: skip
        assert tx.sources.forget(100) == 0
