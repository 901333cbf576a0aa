"""What is new in a table of another database is taken in, each row once, whatever happens."""

# ruff: noqa: S608 - the test's own statements
from __future__ import annotations

import json
import shutil
from multiprocessing.context import ForkServerContext
from pathlib import Path

import polars as pl
import pytest
from fakes.clock import FakeClock
from fakes.command import CommandLine
from fakes.intake import ANALYST, STEWARD, entries_of, open_intake
from fakes.pull_child import STEPS, pull_and_stop
from fakes.source_database import SourceDatabase

from service.demo.generate import generate
from service.domain.actors import Actor
from service.errors import ConflictError, DeniedError, DriftError, UnknownError
from service.ports import Cursor, Deps
from service.settings import load_settings
from service.usecases.export import pull
from service.usecases.ingest import ingest
from service.usecases.users import add_user
from service.wiring import open_service

ROOT = Path(__file__).parents[2]
CUSTOMERS = 200
KEY = ("core:statements", "statements")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service that knows its customers, and the statements that it has not taken in."""
    folder = tmp_path_factory.mktemp("bank")
    files = generate(folder / "bank", customers=CUSTOMERS).files
    deps = open_intake(folder / "home", FakeClock())
    ingest(files["customers"], "customers", actor=STEWARD, deps=deps)
    return folder


@pytest.fixture
def deps(bank: Path, tmp_path: Path) -> Deps:
    """A copy of the service."""
    shutil.copytree(bank / "home", tmp_path / "home")
    return reopened(tmp_path)


def reopened(tmp_path: Path) -> Deps:
    """The service as a new process opens it."""
    return open_service(load_settings({}, home=tmp_path / "home"), clock=FakeClock())


@pytest.fixture
def source(bank: Path, database_url: str) -> SourceDatabase:
    """The statements as a table of the core system: amounts in dollars."""
    database = SourceDatabase(database_url)
    database.run(
        "CREATE TABLE statements (id integer PRIMARY KEY, card_no varchar(30), month date,"
        " bill_cents numeric(14,2), paid_cents numeric(14,2), pay_status varchar(20), changed_at timestamp)"
    )
    load(database, bank, copies=1)
    return database


def statements(bank: Path) -> pl.DataFrame:
    """The demo's statements of known customers."""
    folder = bank / "bank"
    known = pl.read_csv(folder / "customers.csv", infer_schema=False).select("card_no")
    kinds = {"bill_cents": pl.Int64(), "paid_cents": pl.Int64()}
    frame = pl.read_csv(folder / "statements.csv", infer_schema=False).join(known, on="card_no", how="semi")
    return frame.with_columns(pl.col(name).cast(kind) for name, kind in kinds.items())


def load(database: SourceDatabase, bank: Path, *, copies: int, day: int = 1) -> None:
    """Add the statements of the demo, so many times, all changed on one day."""
    rows = [
        (n, r["card_no"], r["month"], r["bill_cents"], r["paid_cents"], r["pay_status"])
        for n, r in enumerate(statements(bank).iter_rows(named=True))
    ]
    postgres = database.url.startswith("postgresql")
    month = "CAST(:2 AS date)" if postgres else ":2"
    database.run(
        f"INSERT INTO statements VALUES ({day}00000000 + :0, :1, {month}, :3 / 100.00, :4 / 100.00, :5,"
        f" '2026-01-{day:02} 00:00:00')",
        rows,
    )
    if copies > 1:
        numbers = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(1, copies))
        database.run(
            "INSERT INTO statements SELECT id + n * 10000, card_no, month, bill_cents, paid_cents,"
            f" pay_status, changed_at FROM statements, ({numbers}) k WHERE id >= {day}00000000"
        )


def totals(deps: Deps) -> tuple[int, int, int]:
    """Rows, and the two amounts, of what is stored."""
    if "statements" not in deps.events.tables():
        return 0, 0, 0
    frame = deps.events.scan("statements").select(pl.len(), pl.col("bill_cents", "paid_cents").sum())
    count, bill, paid = frame.collect().row(0)
    return int(count), int(bill or 0), int(paid or 0)


def facts(deps: Deps) -> list[dict[str, str | int]]:
    """What the log says of every batch of statements."""
    return [dict(e.detail) for e in entries_of(deps, "dataset:ingest") if e.resource == "dataset/statements"]


def expected(bank: Path) -> tuple[int, int, int]:
    """The same from the file of the demo."""
    frame = statements(bank)
    return frame.height, sum(frame["bill_cents"]), sum(frame["paid_cents"])


def test_a_hundred_thousand_rows_agree_to_the_cent_and_then_only_new_ones(
    deps: Deps, source: SourceDatabase, bank: Path
) -> None:
    count, bill, paid = expected(bank)
    copies = -(-100_000 // count)
    source.run("DELETE FROM statements")
    load(source, bank, copies=copies)
    export = source.export("statements")
    first = pull(export, "statements", actor=STEWARD, deps=deps)
    assert first is not None
    assert first.counts.rows == first.counts.admitted == copies * count >= 100_000
    assert totals(deps) == (copies * count, copies * bill, copies * paid)
    assert pull(export, "statements", actor=STEWARD, deps=deps) is None
    load(source, bank, copies=1, day=2)
    second = pull(export, "statements", actor=STEWARD, deps=deps)
    assert second is not None
    assert second.counts.rows == count
    assert totals(deps) == ((copies + 1) * count, (copies + 1) * bill, (copies + 1) * paid)
    assert [(f["from"], f["upto"], f["source_rows"]) for f in facts(deps)] == [
        ("", "2026-01-01 00:00:00", copies * count),
        ("2026-01-01 00:00:00", "2026-01-02 00:00:00", count),
    ]


def test_a_range_whose_column_is_another_class_is_in_quarantine_and_holds_up_nothing(
    deps: Deps, source: SourceDatabase, bank: Path
) -> None:
    source.run("UPDATE statements SET card_no = 'p' || id || '@mail.example'")
    export = source.export("statements")
    with pytest.raises(DriftError) as drifted:
        pull(export, "statements", actor=STEWARD, deps=deps)
    assert drifted.value.fields["became"] == "email_address"
    assert totals(deps) == (0, 0, 0)
    assert pull(export, "statements", actor=STEWARD, deps=deps) is None
    load(source, bank, copies=1, day=2)
    assert pull(export, "statements", actor=STEWARD, deps=deps) is not None
    assert totals(deps) == expected(bank)


def test_nothing_new_leaves_no_trace(deps: Deps, source: SourceDatabase) -> None:
    source.run("DELETE FROM statements")
    assert pull(source.export("statements"), "statements", actor=STEWARD, deps=deps) is None
    assert facts(deps) == []
    with deps.ops() as tx:
        assert tx.cursors.get(*KEY) == Cursor()


def test_totals_that_do_not_agree_store_nothing_and_can_be_put_right(
    deps: Deps, source: SourceDatabase, bank: Path
) -> None:
    some = "random() % 2 = 0" if source.url.startswith("sqlite") else "random() < 0.5"
    source.run(f"CREATE VIEW loaded AS SELECT * FROM statements WHERE {some}")
    with pytest.raises(ConflictError) as refused:
        pull(source.export("loaded"), "statements", actor=STEWARD, deps=deps)
    assert refused.value.reason == "what was read does not have the totals of the source"
    assert totals(deps)[0] == 0
    assert facts(deps) == []
    source.run("DROP VIEW loaded")
    source.run("CREATE VIEW loaded AS SELECT * FROM statements")
    assert pull(source.export("loaded"), "statements", actor=STEWARD, deps=deps) is not None
    assert totals(deps) == expected(bank)


def test_who_may_not_ingest_begins_nothing(deps: Deps, source: SourceDatabase) -> None:
    with pytest.raises(DeniedError):
        pull(source.export("statements"), "statements", actor=ANALYST, deps=deps)
    with pytest.raises(UnknownError):
        pull(source.export("statements"), "nothing", actor=STEWARD, deps=deps)
    with deps.ops() as tx:
        assert tx.cursors.get(*KEY) == Cursor()


def test_another_pull_that_was_faster_is_noticed(deps: Deps, source: SourceDatabase) -> None:
    export = source.export("statements")
    with deps.ops() as tx:
        contract = tx.datasets.get("statements")
        assert contract is not None
        upto = export.newest("", contract)
        tx.cursors.begin(*KEY, upto)

    def other(_step: str, _percent: int) -> None:
        with deps.ops() as tx:
            if tx.cursors.get(*KEY).pending:
                tx.cursors.finish(*KEY, upto)

    with pytest.raises(ConflictError):
        pull(export, "statements", actor=STEWARD, deps=deps, progress=other)
    assert pull(export, "statements", actor=STEWARD, deps=deps) is None
    assert len(facts(deps)) == 1


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_and_run_again_every_row_is_there_once(
    deps: Deps,
    source: SourceDatabase,
    bank: Path,
    tmp_path: Path,
    *,
    forkserver: ForkServerContext,
    step: str,
) -> None:
    ours, theirs = forkserver.Pipe()
    child = forkserver.Process(
        target=pull_and_stop, args=(tmp_path / "home", source.url, "statements", step, theirs)
    )
    child.start()
    assert ours.recv() == "here"
    child.kill()
    child.join()
    with deps.ops() as tx:
        assert tx.cursors.get(*KEY).pending
    load(source, bank, copies=1, day=2)
    again = reopened(tmp_path)
    count, bill, paid = expected(bank)
    for times in (1, 2):
        row = pull(source.export("statements"), "statements", actor=STEWARD, deps=again)
        assert row is not None
        assert row.counts.rows == count
        assert totals(again) == (times * count, times * bill, times * paid)
    assert pull(source.export("statements"), "statements", actor=STEWARD, deps=again) is None
    assert len(facts(again)) == 2


def test_the_command_pulls_and_shows_no_password(
    deps: Deps, source: SourceDatabase, bank: Path, tmp_path: Path
) -> None:
    assert totals(deps)[0] == 0
    admin = Actor("user:admin", frozenset({"admin"}))
    now = open_service(load_settings({}, home=tmp_path / "home"))
    token = add_user(Actor("user:sam", frozenset({"data_steward"})), actor=admin, deps=now)
    line = CommandLine(tmp_path / "home", {"sam": token})
    command = ["pull", "statements", "--table", "statements", "--watermark", "changed_at", "--source", "core"]
    ran = line.call(*command, "--url-env", "CORE_DB_URL", "--json", who="sam", CORE_DB_URL=source.url)
    assert ran.code == 0, ran.said
    assert json.loads(ran.out)["rows"] == json.loads(ran.out)["admitted"] == expected(bank)[0]
    ran = line.call(*command, who="sam", stdin=f"{source.url}\n")
    assert (ran.code, ran.out) == (0, "statements: nothing new\n")
    ran = line.call(*command, "--url-env", "CORE_DB_URL", who="sam")
    assert ran.code == 2
    wrong = "postgresql://app:hunter2@127.0.0.1:1/core"
    ran = line.call(*command, "--url-env", "X", who="sam", X=wrong, FIDUCIARY_DEBUG="1")
    assert ran.code == 1
    assert "hunter2" not in ran.said
    assert "127.0.0.1" not in ran.said
    for path in (tmp_path / "home").rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes()
