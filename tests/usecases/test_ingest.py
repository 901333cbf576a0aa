"""The one way in, with real parts: counts add up, nothing raw stays, nothing comes in twice."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from fakes.clock import FakeClock
from fakes.intake import (
    ANALYST,
    STEWARD,
    ChangingConnector,
    entries_of,
    open_intake,
    pick,
    stored_text,
    subject_of,
    suppress,
    with_broken_trail,
)

from audit.entry import parse_entry
from privacy.pseudonym.normalise import normalise
from service.adapters.sql.ops import SqlOps
from service.adapters.trail import LogTrail
from service.demo.generate import BAD_ROWS, GeneratedInput, generate
from service.errors import AuditUnavailableError, ConflictError, ContractError, DeniedError, UnknownError
from service.ports import BatchRow, Deps
from service.usecases.consent import import_consents
from service.usecases.ingest import ingest

CUSTOMERS = 300
GOOD = {"customers": CUSTOMERS, "statements": 6 * CUSTOMERS, "notes": CUSTOMERS // 5}
IDENTIFIERS = ("resident_id", "mobile", "email", "card_no")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> GeneratedInput:
    """The bank's files."""
    return generate(tmp_path_factory.mktemp("bank"), customers=CUSTOMERS)


@pytest.fixture(scope="module")
def full(
    source: GeneratedInput, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Deps, dict[str, BatchRow]]:
    """A service with everything taken in; tests must not change it."""
    deps = open_intake(tmp_path_factory.mktemp("home"), FakeClock())
    rows = {
        name: ingest(source.files[name], name, actor=STEWARD, deps=deps)
        for name in ("customers", "statements")
    }
    import_consents(source.consents, actor=STEWARD, deps=deps)
    rows["notes"] = ingest(source.files["notes"], "notes", actor=STEWARD, deps=deps)
    return deps, rows


@pytest.fixture
def deps(tmp_path: Path, clock: FakeClock) -> Deps:
    """An empty service with the contracts in force."""
    return open_intake(tmp_path / "home", clock)


def people(source: GeneratedInput) -> list[dict[str, str]]:
    """The customers as the bank wrote them."""
    with source.files["customers"].open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def sound(source: GeneratedInput) -> list[int]:
    """Numbers (from 0) of customers whose row is not bad."""
    ids = pl.Series([row["resident_id"] for row in people(source)])
    return normalise(ids, "cn_resident_id").is_not_null().arg_true().to_list()


def test_rows_in_are_admitted_quarantined_or_refused(
    full: tuple[Deps, dict[str, BatchRow]],
) -> None:
    deps, rows = full
    for name, row in rows.items():
        bad, _why = BAD_ROWS[name]
        assert row.counts.rows == GOOD[name] + bad
        assert row.counts.quarantined == bad
        assert row.counts.rows == row.counts.admitted + row.counts.quarantined + row.counts.refused
        assert sum(row.reasons.values()) == row.counts.quarantined + row.counts.refused
        assert deps.events.scan(name).collect().height == row.counts.admitted
        assert deps.events.scan(f"quarantine_{name}").collect().height == bad
    assert rows["customers"].reasons == {"invalid_cn_resident_id": 12}
    assert rows["statements"].reasons == {"unknown_subject": 9}
    assert rows["customers"].counts.refused == rows["statements"].counts.refused == 0
    assert set(rows["notes"].reasons) <= {"no_consent", "withdrawn", "expired", "unknown_category"}
    assert rows["notes"].counts.refused > 0


def test_no_identifier_is_anywhere_outside_the_vault(
    full: tuple[Deps, dict[str, BatchRow]], source: GeneratedInput
) -> None:
    deps, _rows = full
    needles = {row[column] for row in people(source) for column in IDENTIFIERS}
    files = [p for p in deps.home.rglob("*") if p.is_file() and not p.name.startswith("vault.sqlite")]
    blob = b"\n".join(path.read_bytes() for path in files) + stored_text(deps).encode()
    assert len(needles) > 4 * CUSTOMERS - 4
    assert [needle for needle in needles if needle.encode() in blob] == []


def test_no_planted_identifier_is_readable_in_a_stored_note(
    full: tuple[Deps, dict[str, BatchRow]], source: GeneratedInput
) -> None:
    deps, _rows = full
    text = stored_text(deps)
    truth = [json.loads(line) for line in source.truth.read_text(encoding="utf-8").splitlines()]
    strict = {entry["value"] for entry in truth if entry["type"] != "PERSON"}
    assert "[PHONE_NUMBER_1]" in text
    assert [value for value in strict if value in text] == []


def test_the_same_file_again_changes_nothing(
    full: tuple[Deps, dict[str, BatchRow]], source: GeneratedInput
) -> None:
    deps, rows = full
    versions = {name: deps.events.version(name) for name in deps.events.tables()}
    logged = len(entries_of(deps, "dataset:ingest"))
    for name, row in rows.items():
        assert ingest(source.files[name], name, actor=STEWARD, deps=deps) == row
    assert {name: deps.events.version(name) for name in deps.events.tables()} == versions
    assert len(entries_of(deps, "dataset:ingest")) == logged == 3


def test_the_audit_entry_tells_the_counts(full: tuple[Deps, dict[str, BatchRow]]) -> None:
    deps, rows = full
    entry = entries_of(deps, "dataset:ingest")[0]
    assert (entry.actor, entry.resource, entry.subjects) == (STEWARD.id, "dataset/customers", CUSTOMERS)
    assert dict(entry.detail) == {
        "rows": 312, "admitted": 300, "quarantined": 12, "refused": 0, "batch": rows["customers"].id,
        "encoding": "utf-8",
    }  # fmt: skip


def test_identifiers_are_sealed_by_class(
    full: tuple[Deps, dict[str, BatchRow]], source: GeneratedInput
) -> None:
    deps, _rows = full
    row = people(source)[sound(source)[0]]
    subject = subject_of(deps, "email", row["email"])
    assert subject is not None
    opened = {
        name: json.loads(deps.vault.open(subject, name) or b"") for name in ("identity", "contact", "card")
    }
    assert opened == {
        "identity": {"cn_resident_id": row["resident_id"], "name": row["name"]},
        "contact": {"email": row["email"], "mobile": f"+86{row['mobile']}"},
        "card": {"bank_card": row["card_no"]},
    }


def test_totals_are_those_of_each_subject_and_month(full: tuple[Deps, dict[str, BatchRow]]) -> None:
    deps, _rows = full
    frame = deps.events.scan("statements").collect()
    assert frame["_n"].unique().to_list() == [1]
    assert frame.select(pl.len().over("_sp", "month") == pl.col("_n")).to_series().all()


def test_a_newer_row_of_a_customer_supersedes(deps: Deps, source: GeneratedInput, tmp_path: Path) -> None:
    customers, (one, two, *_) = source.files["customers"], sound(source)
    ingest(pick(customers, tmp_path / "a.csv", one, two), "customers", actor=STEWARD, deps=deps)
    later = pick(customers, tmp_path / "b.csv", one, limit_cents="7", mobile="15499999999")
    ingest(later, "customers", actor=STEWARD, deps=deps)
    frame = deps.events.scan("customers").collect()
    assert frame["limit_cents"].min() == 7
    assert frame.height == 2
    subject = subject_of(deps, "mobile", "15499999999")
    assert subject is not None
    assert b"+8615499999999" in (deps.vault.open(subject, "contact") or b"")


def test_an_erased_person_is_refused_and_not_made_anew(
    deps: Deps, source: GeneratedInput, clock: FakeClock, tmp_path: Path
) -> None:
    customers, (one, two, *_) = source.files["customers"], sound(source)
    email = people(source)[one]["email"]
    suppress(deps, clock, "email", email)
    row = ingest(pick(customers, tmp_path / "a.csv", one, two), "customers", actor=STEWARD, deps=deps)
    assert (row.counts.admitted, row.counts.refused, row.reasons) == (1, 1, {"suppressed": 1})
    assert subject_of(deps, "email", email) is None
    assert deps.vault.pseudonyms().height == 1
    assert "quarantine_customers" not in deps.events.tables()


def test_statements_of_an_erased_person_are_refused(
    deps: Deps, source: GeneratedInput, clock: FakeClock, tmp_path: Path
) -> None:
    card = people(source)[sound(source)[0]]["card_no"]
    cards = pl.read_csv(source.files["statements"], infer_schema=False)["card_no"]
    mine = pick(source.files["statements"], tmp_path / "mine.csv", *(cards == card).arg_true())
    suppress(deps, clock, "bank_card", card)
    row = ingest(mine, "statements", actor=STEWARD, deps=deps)
    assert (row.counts.admitted, row.counts.quarantined, row.counts.refused) == (0, 0, 6)


def test_a_restricted_person_is_refused(deps: Deps, source: GeneratedInput, tmp_path: Path) -> None:
    customers, (one, two, *_) = source.files["customers"], sound(source)
    ingest(pick(customers, tmp_path / "a.csv", one, two), "customers", actor=STEWARD, deps=deps)
    subject = subject_of(deps, "email", people(source)[one]["email"])
    assert subject is not None
    deps.vault.restrict(subject)
    later = pick(customers, tmp_path / "b.csv", one, two, limit_cents="9")
    row = ingest(later, "customers", actor=STEWARD, deps=deps)
    assert (row.counts.admitted, row.reasons) == (1, {"restricted": 1})


def test_one_person_with_the_identifiers_of_two_is_set_aside(
    deps: Deps, source: GeneratedInput, tmp_path: Path
) -> None:
    customers, (one, two, *_) = source.files["customers"], sound(source)
    ingest(pick(customers, tmp_path / "a.csv", one, two), "customers", actor=STEWARD, deps=deps)
    mixed = pick(customers, tmp_path / "b.csv", one, card_no=people(source)[two]["card_no"])
    row = ingest(mixed, "customers", actor=STEWARD, deps=deps)
    assert row.reasons == {"identity_conflict": 1}
    assert row.counts.quarantined == 1


def test_an_identifier_where_none_is_declared_sets_the_row_aside_without_its_value(
    deps: Deps, source: GeneratedInput, tmp_path: Path
) -> None:
    customers, (one, two, *_) = source.files["customers"], sound(source)
    card = people(source)[two]["card_no"]
    bad = pick(customers, tmp_path / "a.csv", one, limit_cents=card)
    row = ingest(bad, "customers", actor=STEWARD, deps=deps)
    assert row.reasons == {"undeclared_cn_bank_card": 1}
    kept = deps.events.scan("quarantine_customers").collect()
    assert kept.select("_row", "rule", "column", "_sp").row(0) == (
        1,
        "undeclared_cn_bank_card",
        "limit_cents",
        None,
    )
    assert card not in stored_text(deps)
    assert deps.vault.pseudonyms().is_empty()


def test_the_tag_of_a_rejected_row_is_that_of_its_content(
    deps: Deps, source: GeneratedInput, tmp_path: Path
) -> None:
    customers, (one, two, *_) = source.files["customers"], sound(source)
    for n, rows in enumerate(((one,), (two, one))):
        path = pick(customers, tmp_path / f"{n}.csv", *rows, resident_id="110101199001011230")
        ingest(path, "customers", actor=STEWARD, deps=deps)
    kept = deps.events.scan("quarantine_customers").collect().sort("_row")
    tags = kept["row_tag"].to_list()
    assert len(tags) == 3
    assert len(set(tags)) == 2
    assert {len(tag) for tag in tags} == {32}


def test_a_withdrawn_consent_keeps_a_note_out(
    full: tuple[Deps, dict[str, BatchRow]], source: GeneratedInput
) -> None:
    deps, rows = full
    with deps.ops() as tx:
        consents = tx.consents.frame("service_improvement")
    assert consents["withdrawn_at"].is_not_null().any()
    gone = consents.filter(pl.col("withdrawn_at").is_not_null())["_subject"].to_list()
    stored = deps.events.scan("notes").collect()["_sp"]
    assert not set(deps.vault.pseudonyms(gone)["_sp"]) & set(stored)
    assert rows["notes"].reasons["withdrawn"] > 0


def test_without_permission_nothing_happens_but_a_log_entry(deps: Deps, source: GeneratedInput) -> None:
    with pytest.raises(DeniedError):
        ingest(source.files["customers"], "customers", actor=ANALYST, deps=deps)
    assert [entry.decision for entry in entries_of(deps, "dataset:ingest")] == ["deny"]
    assert deps.events.tables() == ()
    assert deps.vault.pseudonyms().is_empty()


@pytest.mark.parametrize("name", ["nothing", "../etc", "Customers", ""])
def test_an_unknown_dataset_is_refused(deps: Deps, source: GeneratedInput, name: str) -> None:
    with pytest.raises(UnknownError):
        ingest(source.files["customers"], name, actor=STEWARD, deps=deps)


def test_a_file_of_another_form_is_refused_whole(deps: Deps, source: GeneratedInput, tmp_path: Path) -> None:
    with pytest.raises(ContractError):
        ingest(source.consents, "customers", actor=STEWARD, deps=deps)
    with pytest.raises(ContractError):
        ingest(tmp_path / "missing.csv", "customers", actor=STEWARD, deps=deps)
    with deps.ops() as tx:
        assert tx.batches.all() == ()
    assert deps.events.tables() == ()


@pytest.mark.parametrize("named", ["", "gb18030"])
def test_a_file_in_gb18030_is_taken_in_and_the_entry_tells_its_encoding(
    deps: Deps, source: GeneratedInput, tmp_path: Path, named: str
) -> None:
    path = pick(source.files["customers"], tmp_path / "a.csv", *sound(source)[:40])
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))

    row = ingest(path, "customers", actor=STEWARD, deps=deps, encoding=named)

    assert row.counts.admitted == 40
    assert dict(entries_of(deps, "dataset:ingest")[0].detail)["encoding"] == "gb18030"


def test_a_file_under_a_wrong_encoding_is_refused_whole(
    deps: Deps, source: GeneratedInput, tmp_path: Path
) -> None:
    path = pick(source.files["customers"], tmp_path / "a.csv", *sound(source)[:40])
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))

    with pytest.raises(ContractError):
        ingest(path, "customers", actor=STEWARD, deps=deps, encoding="utf-8")
    assert deps.events.tables() == ()


def test_a_file_that_changes_while_it_is_read_is_refused(
    deps: Deps, source: GeneratedInput, tmp_path: Path
) -> None:
    path = pick(source.files["customers"], tmp_path / "a.csv", *sound(source)[:2])
    changing = replace(deps, connector=ChangingConnector(deps.connector))
    with pytest.raises(ConflictError):
        ingest(path, "customers", actor=STEWARD, deps=changing)
    assert deps.events.tables() == ()


def test_without_a_log_the_batch_is_not_done_and_a_second_run_completes_it(
    deps: Deps, source: GeneratedInput, tmp_path: Path
) -> None:
    path = pick(source.files["customers"], tmp_path / "a.csv", *sound(source)[:5])
    with pytest.raises(AuditUnavailableError):
        ingest(path, "customers", actor=STEWARD, deps=with_broken_trail(deps))
    with deps.ops() as tx:
        assert tx.batches.all() == ()
    row = ingest(path, "customers", actor=STEWARD, deps=deps)
    assert row.counts.admitted == 5
    assert deps.events.scan("customers").collect().height == 5
    assert deps.vault.pseudonyms().height == 5


def test_an_empty_table_is_taken_in(deps: Deps, source: GeneratedInput, tmp_path: Path) -> None:
    row = ingest(pick(source.files["customers"], tmp_path / "a.csv"), "customers", actor=STEWARD, deps=deps)
    assert row.counts.rows == 0


def test_progress_ends_at_one_hundred(deps: Deps, source: GeneratedInput, tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    path = pick(source.files["customers"], tmp_path / "a.csv", *sound(source)[:2])
    ingest(
        path,
        "customers",
        actor=STEWARD,
        deps=deps,
        progress=lambda step, percent: told.append((step, percent)),
    )
    percents = [percent for _, percent in told]
    assert percents == sorted(percents)
    assert told[-1] == ("done", 100)


class DiesAfterItsEntry(LogTrail):
    """A log that takes the entry, and a process that dies before the outbox knows."""

    def relay(self) -> None:
        """Durable, and nothing after it."""
        with self._index() as index:
            self._append([parse_entry(data) for data in index.waiting()])
            raise AuditUnavailableError("killed")


@pytest.mark.parametrize("dataset", ["customers", "statements"])
def test_a_run_that_died_behind_its_log_entry_leaves_one_entry(
    source: GeneratedInput, deps: Deps, dataset: str
) -> None:
    ingest(source.files["customers"], "customers", actor=STEWARD, deps=deps, source="earlier")
    assert isinstance(deps.ops, SqlOps)
    assert isinstance(deps.audit, LogTrail)
    dying = SqlOps(
        deps.ops.engine, DiesAfterItsEntry(deps.audit._logs, deps.audit._index, deps.audit._keys).relay
    )
    with pytest.raises(AuditUnavailableError):
        ingest(source.files[dataset], dataset, actor=STEWARD, deps=replace(deps, ops=dying))

    row = ingest(source.files[dataset], dataset, actor=STEWARD, deps=deps)

    said = [dict(e.detail) for e in entries_of(deps, "dataset:ingest") if ("batch", row.id) in e.detail]
    assert [(d["admitted"], d["quarantined"]) for d in said] == [
        (row.counts.admitted, row.counts.quarantined)
    ]
    assert row.counts.admitted > 0
