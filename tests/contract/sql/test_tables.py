"""Every table of the operational database behaves the same on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from fakes.clock import START
from fakes.ops_rows import a_batch, a_consent, a_contract, a_model, a_release, a_request

from service.domain.actors import Actor
from service.domain.consents import ConsentKind
from service.domain.models import ModelState
from service.domain.releases import ReleaseState
from service.domain.requests import RequestState
from service.errors import ConflictError, StorageError, UnknownError
from service.ports import Ops


def test_a_contract_comes_back_as_it_was_put(ops: Ops) -> None:
    with ops() as tx:
        tx.datasets.add(a_contract(), "doc", START)
        tx.datasets.add(a_contract(), "doc", START)
    with ops() as tx:
        assert tx.datasets.get("statements") == a_contract()
        assert tx.datasets.all() == (a_contract(),)
        assert tx.datasets.get("nothing") is None


def test_the_newest_contract_is_in_force_and_an_old_one_does_not_return(ops: Ops) -> None:
    second = a_contract(version="1.1.0", digest="sha256:dd")
    with ops() as tx:
        tx.datasets.add(a_contract(), "doc", START)
        tx.datasets.add(second, "doc", START)
        assert tx.datasets.all() == (second,)
        with pytest.raises(ConflictError):
            tx.datasets.add(a_contract(), "doc", START)
        with pytest.raises(ConflictError):
            tx.datasets.add(replace(second, digest="sha256:ee"), "doc", START)
        assert tx.datasets.get("statements") == second


def test_a_batch_id_is_taken_once(ops: Ops) -> None:
    with ops() as tx:
        assert tx.batches.get("b" * 64) is None
        tx.batches.add(a_batch())
        with pytest.raises(ConflictError):
            tx.batches.add(a_batch(table_version=9))
    with ops() as tx:
        assert tx.batches.get("b" * 64) == a_batch()
        assert tx.batches.all() == (a_batch(),)


def test_consents_are_inserted_once_and_come_back_as_a_typed_frame(ops: Ops) -> None:
    records = [a_consent(n, purpose=p) for n in range(1, 4) for p in ("value_segmentation", "credit_scoring")]
    with ops() as tx:
        assert tx.consents.add([]) == 0
        assert tx.consents.add([*records, records[0]]) == 6
        assert tx.consents.add([*records, a_consent(9, kind=ConsentKind.SEPARATE)]) == 1
    with ops() as tx:
        frame = tx.consents.frame("credit_scoring")
        assert frame["_subject"].to_list() == [1, 2, 3]
        assert frame.schema["given_at"] == pl.Datetime("us", "UTC")
        assert frame["given_at"].to_list() == [START] * 3
        assert tx.consents.frame().height == 7
        assert tx.consents.frame("nothing").schema == frame.schema
        assert tx.consents.of(2)[0].kind is ConsentKind.PLAIN


def test_a_withdrawal_stands_and_an_import_does_not_undo_it(ops: Ops) -> None:
    later = START + timedelta(days=1)
    with ops() as tx:
        tx.consents.add([a_consent(1), a_consent(2)])
        assert tx.consents.withdraw(1, "value_segmentation", later) == 1
        assert tx.consents.withdraw(1, "value_segmentation", later + timedelta(days=1)) == 0
        assert tx.consents.add([a_consent(1)]) == 0
        assert tx.consents.of(1)[0].withdrawn_at == later
        assert tx.consents.add([a_consent(2, withdrawn_at=later)]) == 0
        assert tx.consents.of(2)[0].withdrawn_at == later


def test_a_frame_of_consents_is_stored_as_the_same_records_are(ops: Ops) -> None:
    shanghai = START.astimezone(timezone(timedelta(hours=8))) + timedelta(microseconds=7)
    records = [a_consent(1, given_at=shanghai), a_consent(2, valid_until=None, withdrawn_at=shanghai)]
    with ops() as tx:
        assert tx.consents.add(records) == 2
        frame = tx.consents.frame()
        assert (*tx.consents.of(1), *tx.consents.of(2)) == tuple(records)
        assert tx.consents.add(frame) == 0
        assert tx.consents.add(frame.with_columns(pl.col("_subject") + 2)) == 2
        assert tx.consents.of(4) == (replace(records[1], subject=4),)
    with pytest.raises(pl.exceptions.InvalidOperationError), ops() as tx:
        tx.consents.add(frame.with_columns(_subject=pl.lit(9), kind=pl.lit("shouted")))
    with ops() as tx:
        assert tx.consents.of(9) == ()


def test_a_forgotten_subject_has_no_consents(ops: Ops) -> None:
    with ops() as tx:
        tx.consents.add([a_consent(1), a_consent(2)])
        assert tx.consents.forget(1) == 1
        assert tx.consents.of(1) == ()
        assert tx.consents.frame()["_subject"].to_list() == [2]


def test_times_come_back_in_utc_and_naive_ones_are_refused(ops: Ops) -> None:
    shanghai = START.astimezone(timezone(timedelta(hours=8)))
    with ops() as tx:
        tx.releases.add(a_release(created_at=shanghai))
        stored = tx.releases.get("1" * 32).created_at
        assert stored == START
        assert stored.tzinfo is UTC
    with pytest.raises(StorageError), ops() as tx:
        tx.releases.add(a_release(id="3" * 32, created_at=datetime(2026, 1, 1)))  # noqa: DTZ001 - naive is the point


def test_a_release_goes_forward_and_keeps_what_was_asked(ops: Ops) -> None:
    release = a_release()
    approved = replace(release, state=ReleaseState.APPROVED, approver="user:pia")
    with ops() as tx:
        tx.releases.add(release)
        with pytest.raises(ConflictError):
            tx.releases.add(release)
        with pytest.raises(ConflictError):
            tx.releases.save(replace(release, state=ReleaseState.RELEASED))
        tx.releases.save(approved)
        with pytest.raises(ConflictError):
            tx.releases.save(replace(approved, rho=1))
        tx.releases.save(replace(approved, state=ReleaseState.CHARGED, data_version="statements@1"))
        assert tx.releases.answered("sha256:bb", "statements@1") is None
        done = replace(
            approved, state=ReleaseState.RELEASED, data_version="statements@1", answer="{}", entry="0" * 32
        )
        tx.releases.save(done)
        with pytest.raises(ConflictError):
            tx.releases.save(replace(done, answer='{"other":1}'))
    with ops() as tx:
        assert tx.releases.get(release.id) == done
        assert tx.releases.all() == (done,)
        assert tx.releases.answered("sha256:bb", "statements@1") == done
        assert tx.releases.answered("sha256:bb", "statements@2") is None
        with pytest.raises(UnknownError):
            tx.releases.get("nothing")


def test_nobody_approves_an_own_release_or_model(ops: Ops) -> None:
    with ops() as tx:
        tx.releases.add(a_release())
        tx.models.add(a_model())
    with pytest.raises(ConflictError), ops() as tx:
        tx.releases.save(a_release(state=ReleaseState.APPROVED, approver="user:ann"))
    with pytest.raises(ConflictError), ops() as tx:
        tx.models.save(a_model(state=ModelState.APPROVED, approved_by="user:mo"))


def test_a_rights_request_goes_forward_and_a_forgotten_subject_does_not_return(ops: Ops) -> None:
    request = a_request()
    verified = replace(request, state=RequestState.VERIFIED, code_tag="", attempts=1)
    with ops() as tx:
        tx.requests.add(request)
        with pytest.raises(ConflictError):
            tx.requests.save(replace(request, state=RequestState.DONE))
        tx.requests.save(verified)
        decided = replace(verified, state=RequestState.DECIDED, decision="{}", decided_by="user:cy")
        tx.requests.save(decided)
        assert tx.requests.get(request.id) == decided
        with pytest.raises(ConflictError):
            tx.requests.save(replace(decided, subject=8))
        tx.requests.flag(7, "no_automated_decision", START)
        tx.requests.flag(7, "no_automated_decision", START)
        assert tx.requests.flagged("no_automated_decision") == {7}
        assert tx.requests.forget(7) == 2
        assert tx.requests.flagged("no_automated_decision") == frozenset()
        tx.requests.save(replace(decided, state=RequestState.RUNNING, steps="shred"))
        assert tx.requests.all() == (replace(decided, state=RequestState.RUNNING, steps="shred", subject=0),)


def test_a_finished_request_can_be_saved_without_its_subject(ops: Ops) -> None:
    request = a_request(state=RequestState.RUNNING)
    with ops() as tx:
        tx.requests.add(request)
        tx.requests.save(replace(request, state=RequestState.DONE, subject=0, certificate="c.json"))
        assert tx.requests.get(request.id).subject == 0


def test_a_model_is_served_by_its_newest_approved_version(ops: Ops) -> None:
    first = a_model()
    approved = replace(first, state=ModelState.APPROVED, approved_by="user:pia")
    second = a_model(version=2)
    with ops() as tx:
        with pytest.raises(UnknownError):
            tx.models.get("credit")
        tx.models.add(first)
        assert tx.models.get("credit") == first
        tx.models.save(approved)
        tx.models.add(second)
        assert tx.models.get("credit") == approved
        assert tx.models.get("credit", 2) == second
        with pytest.raises(ConflictError):
            tx.models.save(replace(approved, document='{"changed":1}'))
        with pytest.raises(ConflictError):
            tx.models.save(first)
        with pytest.raises(ConflictError):
            tx.models.add(first)
        assert tx.models.all() == (approved, second)


def test_users_and_the_digests_of_their_tokens(ops: Ops) -> None:
    ann = Actor("user:ann", frozenset({"analyst", "modeller"}))
    with ops() as tx:
        tx.users.add(ann, START)
        with pytest.raises(ConflictError):
            tx.users.add(Actor("user:ann", frozenset({"admin"})), START)
        tx.users.add_token("user:ann", "t1", "digest", START)
        with pytest.raises(ConflictError):
            tx.users.add_token("user:ann", "t1", "other", START)
        with pytest.raises(UnknownError):
            tx.users.add_token("user:bob", "t2", "digest", START)
    with ops() as tx:
        assert tx.users.get("user:ann") == ann
        assert tx.users.all() == (ann,)
        assert tx.users.token("t1") == ("user:ann", "digest", START)
        assert tx.users.token("t2") is None
        with pytest.raises(UnknownError):
            tx.users.get("user:bob")


def test_an_exception_rolls_everything_back(ops: Ops) -> None:
    def add_and_fail() -> None:
        with ops() as tx:
            tx.batches.add(a_batch())
            tx.users.get("user:nobody")

    with pytest.raises(UnknownError):
        add_and_fail()
    with ops() as tx:
        assert tx.batches.all() == ()


def test_measures_of_a_batch_come_back(ops: Ops) -> None:
    batch = a_batch(measures={"cells": 10, "filled": 9})
    with ops() as tx:
        tx.batches.add(batch)
    with ops() as tx:
        assert tx.batches.get(batch.id) == batch


def test_a_rejected_row_is_released_once(ops: Ops) -> None:
    numbers = range(1, 2502)  # several statements
    rows = pl.DataFrame({"_row": numbers, "rule": ["not_a_date"] * len(numbers)})
    later = a_batch(id="c" * 64)
    with ops() as tx:
        assert tx.batches.released("b" * 64).is_empty()
        tx.batches.release("b" * 64, rows, later)
        tx.batches.release("b" * 64, rows.clear(), later)
    more = pl.DataFrame({"_row": [9000, 7], "rule": ["not_a_date"] * 2})
    with pytest.raises(ConflictError), ops() as tx:
        tx.batches.release("b" * 64, more, later)
    with ops() as tx:
        found = tx.batches.released("b" * 64)
        assert found["_row"].to_list() == list(numbers)
        assert found.row(0) == (1, "not_a_date", later.id)
        assert tx.batches.released("c" * 64).is_empty()
