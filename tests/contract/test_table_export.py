"""A table of another database is read by watermark, exactly, or refused; on SQLite and PostgreSQL."""

# ruff: noqa: S608 - the test's own statements
from __future__ import annotations

import traceback
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from fakes.contracts import COLUMNS, make_contract
from fakes.intake import joined
from fakes.postgres import PostgresServer
from fakes.source_database import SourceDatabase, row
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants.exports import Trusting

from service.adapters.sql.export import CHUNK_ROWS, TableExport, open_database
from service.domain.contracts import Kind
from service.errors import ConflictError, ContractError, FiduciaryError, StorageError, UsageError

CONTRACT = make_contract()
DAY = date(2005, 4, 1)


@pytest.fixture
def source(database_url: str) -> SourceDatabase:
    """An empty database."""
    if database_url.startswith("sqlite"):
        SourceDatabase(database_url).run("CREATE TABLE other (x integer)")
    return SourceDatabase(database_url)


def everything(export: TableExport, after: str = "") -> tuple[pl.DataFrame, pl.DataFrame, str]:
    """Typed and rejected rows behind a position, and the position reached."""
    upto = export.newest(after, CONTRACT)
    return *joined(export.rows(after, upto).chunks(CONTRACT)), upto


def rules(rejected: pl.DataFrame) -> list[tuple[int, str, str]]:
    """Row, rule and column of every rejected row."""
    return list(rejected.select("_row", "rule", "column").iter_rows())


def test_rows_come_typed_and_in_the_order_of_the_watermark(source: SourceDatabase) -> None:
    source.create()
    source.add(
        row(amount="12.30", changed_at="2026-01-02 00:00:00"),
        row(amount="-0.05", text="王芳 'x'\n", changed_at="2026-01-01 00:00:00.5"),
        row(amount="0.00", text=None, changed_at="2026-01-01 00:00:00.25"),
        row(amount="900719925474.93", changed_at="2026-01-01 00:00:00"),
    )
    typed, rejected, upto = everything(source.export())
    assert rules(rejected) == []
    assert typed.schema == {
        "_row": pl.UInt32,
        "mobile": pl.String,
        "day": pl.Date,
        "channel": pl.String,
        "amount": pl.Int64,
        "text": pl.String,
    }
    assert typed["amount"].to_list() == [90071992547493, 0, -5, 1230]
    assert typed.row(3) == (4, "15400000001", DAY, "phone", 1230, "hello")
    assert typed["text"].to_list() == ["hello", None, "王芳 'x'\n", "hello"]
    assert upto.endswith("=2026-01-02 00:00:00")


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("amount", "0.001", "not_minor_units"),
        ("amount", "-7.125", "not_minor_units"),
        ("amount", "99999999999999999.99", "integer_out_of_range"),
        ("amount", None, "missing_value"),
        ("channel", "fax", "unknown_category"),
        ("mobile", "", "missing_value"),
    ],
)
def test_a_row_that_does_not_fit_is_set_aside_and_reconciled(
    source: SourceDatabase, column: str, value: str | None, rule: str
) -> None:
    if value == "99999999999999999.99" and source.url.startswith("sqlite"):
        return  # there it would be a binary fraction
    source.create(amount="numeric(30,3)")
    source.add(row(), row(**{column: value}), row())
    typed, rejected, _ = everything(source.export())
    assert typed["_row"].to_list() == [1, 3]
    assert rules(rejected) == [(2, rule, column)]


def test_whole_numbers_are_minor_units_already(source: SourceDatabase) -> None:
    source.create(amount="bigint")
    source.add(row(amount="1230"))
    assert everything(source.export())[0]["amount"].to_list() == [1230]


def test_only_what_is_behind_the_position_is_read(source: SourceDatabase) -> None:
    source.create()
    source.add(row(), row(changed_at="2026-01-02 00:00:00"))
    export = source.export()
    typed, _, upto = everything(export)
    assert typed.height == 2
    assert export.newest(upto, CONTRACT) == ""
    source.add(
        row(text="late", changed_at="2026-01-01 12:00:00"), row(changed_at="2026-01-03 00:00:00"), first=3
    )
    typed, _, after = everything(export, upto)
    assert typed.height == 1
    source.run("DELETE FROM contacts WHERE id = 4")
    assert export.newest(after, CONTRACT) == ""
    assert joined(export.rows("", upto).chunks(CONTRACT))[0].height == 3


@pytest.mark.parametrize("watermark", ["id", "mobile", "amount", "day"])
def test_a_watermark_is_a_number_or_a_time_and_read_back_as_written(
    source: SourceDatabase, watermark: str
) -> None:
    source.create()
    source.add(*[row(mobile=f"{n:03}", amount=f"{n}.5", day=f"2005-01-{n + 1:02}") for n in range(20)])
    export = source.export(watermark=watermark)
    source.run("DELETE FROM contacts WHERE id > 9")
    _, _, upto = everything(export)
    source.add(*[row(mobile="900", amount="100", day="2006-01-01")], first=100)
    typed, _, _ = everything(export, upto)
    assert typed.height == 1


@pytest.mark.parametrize("watermark", ["channel", "nothing"])
def test_another_watermark_is_refused_and_not_repeated(source: SourceDatabase, watermark: str) -> None:
    source.create()
    source.add(row(channel="secret@example.com"))
    with pytest.raises(ContractError) as refused:
        source.export(watermark=watermark).newest("", CONTRACT)
    assert "secret" not in str(refused.value)


def test_a_row_without_a_watermark_is_refused(source: SourceDatabase) -> None:
    source.create()
    source.add(row(), row(changed_at=None))
    with pytest.raises(ContractError):
        source.export().newest("", CONTRACT)


def test_a_lag_leaves_what_is_too_new(source: SourceDatabase) -> None:
    source.create()
    source.add(row(changed_at="2026-01-01 00:00:00"), row())
    source.run("UPDATE contacts SET changed_at = CURRENT_TIMESTAMP WHERE id = 2")
    assert source.export(lag="5m").newest("", CONTRACT).endswith("=2026-01-01 00:00:00")
    assert source.export(watermark="id", lag="1").newest("", CONTRACT).endswith("=1")
    assert source.export(watermark="id", lag="2").newest("", CONTRACT) == ""
    assert not source.export(lag="0s").newest("", CONTRACT).endswith("=2026-01-01 00:00:00")
    for watermark, lag in [("id", "5m"), ("changed_at", "5"), ("changed_at", "soon"), ("id", "-1")]:
        with pytest.raises(UsageError):
            source.export(watermark=watermark, lag=lag).newest("", CONTRACT)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE contacts RENAME COLUMN amount TO sum",
        "ALTER TABLE contacts RENAME COLUMN changed_at TO updated_at",
        "ALTER TABLE contacts RENAME TO contacts_2",
    ],
)
def test_a_column_that_is_gone_refuses_the_table(source: SourceDatabase, change: str) -> None:
    source.create()
    source.add(row())
    export = source.export()
    upto = export.newest("", CONTRACT)
    source.run(change)
    with pytest.raises(ContractError):
        export.newest(upto, CONTRACT)
    with pytest.raises(ContractError):
        joined(export.rows("", upto).chunks(CONTRACT))


@pytest.mark.parametrize("kind", ["bigint", "double precision", "varchar(20)"])
def test_a_column_that_changes_its_type_refuses_the_table(source: SourceDatabase, kind: str) -> None:
    source.create()
    source.add(row())
    export = source.export()
    upto = export.newest("", CONTRACT)
    source.run("DROP TABLE contacts")
    source.create(amount=kind, text="varchar(300)")
    source.run("INSERT INTO contacts VALUES (1, '1', '2005-04-01', 'phone', 7, '', '2027-01-01 00:00:00')")
    with pytest.raises((ConflictError, ContractError)):
        export.newest(upto, CONTRACT)
    if kind == "bigint":
        accepting = TableExport(export.engine, "core", "contacts", "changed_at", accept_change=True)
        assert accepting.newest(upto, CONTRACT)


def test_totals_that_do_not_agree_are_refused(source: SourceDatabase) -> None:
    source.create()
    source.add(*[row(amount=f"{n}.25") for n in range(50)])
    some = "random() % 2 = 0" if source.url.startswith("sqlite") else "random() < 0.5"
    source.run(f"CREATE VIEW loaded AS SELECT * FROM contacts WHERE {some}")
    source.run("CREATE VIEW fair AS SELECT * FROM contacts")
    assert everything(source.export("fair"))[0].height == 50
    export = source.export("loaded")
    upto = export.newest("", CONTRACT)
    with pytest.raises(ConflictError) as refused:
        joined(export.rows("", upto).chunks(CONTRACT))
    assert set(refused.value.fields) == {"rows", "expected", "columns"}
    assert joined(Trusting(export, "", upto).chunks(CONTRACT))[0].height != 50  # which nobody would notice


@pytest.mark.postgres
def test_an_instant_comes_in_utc_and_a_time_without_zone_is_none(postgres_server: PostgresServer) -> None:
    columns = tuple(replace(c, kind=Kind.TIMESTAMP) if c.name == "day" else c for c in CONTRACT.columns)
    contract = replace(CONTRACT, columns=columns)
    source = SourceDatabase(postgres_server.url(postgres_server.create()))
    source.create(day="timestamptz")
    source.run(
        "INSERT INTO contacts VALUES (1, '1', '2005-04-01 08:00:00.25+08', 'phone', 7, '', '2027-01-01')"
    )
    export = source.export()
    typed, _ = joined(export.rows("", export.newest("", contract)).chunks(contract))
    assert typed["day"].to_list() == [datetime(2005, 4, 1, 0, 0, 0, 250_000, tzinfo=UTC)]
    source.run("ALTER TABLE contacts ALTER day TYPE timestamp")
    _, rejected = joined(export.rows("", export.newest("", contract)).chunks(contract))
    assert rules(rejected) == [(1, "not_a_timestamp", "day")]


@pytest.mark.postgres
def test_a_number_that_is_none_is_refused(postgres_server: PostgresServer) -> None:
    source = SourceDatabase(postgres_server.url(postgres_server.create()))
    source.create(amount="numeric")
    source.add(row(), row(amount="NaN"))
    with pytest.raises(ConflictError) as refused:
        everything(source.export())
    assert refused.value.fields == {"column": "amount"}


def test_what_another_writes_while_the_table_is_read_is_not_seen(source: SourceDatabase) -> None:
    source.create()
    source.run("PRAGMA journal_mode = WAL") if source.url.startswith("sqlite") else None
    source.add(*[row(amount=f"{n}.01") for n in range(CHUNK_ROWS // 10)])
    source.run(
        "INSERT INTO contacts SELECT id + 1000000 * k.n, mobile, day, channel, amount, text, changed_at"
        f" FROM contacts, (SELECT 1 AS n {' '.join(f'UNION ALL SELECT {n}' for n in range(2, 21))}) k"
    )
    export = source.export()
    rows = export.rows("", export.newest("", CONTRACT))
    chunks = rows.chunks(CONTRACT)
    read = [next(chunks)]
    source.run("UPDATE contacts SET amount = amount + 1")
    source.add(row(), first=10**8)
    read += chunks
    total = sum(int(chunk.frame["amount"].sum()) for chunk in read)
    count = CHUNK_ROWS // 10
    assert sum(chunk.frame.height for chunk in read) == 21 * count
    assert total == 21 * sum(n * 100 + 1 for n in range(count))
    assert [chunk.frame["_row"][0] for chunk in read] == [1, CHUNK_ROWS + 1, 2 * CHUNK_ROWS + 1]
    assert read[-1].done == 1.0
    assert dict(rows.facts)["source_rows"] == 21 * count


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amounts=st.lists(
        st.decimals(-(10**9), 10**9, places=3) | st.decimals(-(10**9), 10**9, places=2),
        min_size=1,
        max_size=30,
    )
)
def test_decimals_become_cents_exactly_or_are_set_aside(
    source: SourceDatabase, amounts: list[Decimal]
) -> None:
    source.run("DROP TABLE IF EXISTS contacts")
    source.create(amount="numeric(20,4)")
    source.add(*[row(amount=str(amount)) for amount in amounts])
    typed, rejected, _ = everything(source.export(watermark="id"))
    whole = {n: a * 100 for n, a in enumerate(amounts, start=1) if a * 100 == int(a * 100)}
    assert dict(typed.select("_row", "amount").iter_rows()) == {n: int(v) for n, v in whole.items()}
    assert rejected["_row"].to_list() == [n for n in range(1, len(amounts) + 1) if n not in whole]


def test_nothing_is_written_to_the_source(source: SourceDatabase) -> None:
    source.create()
    with (
        pytest.raises(Exception, match="read"),
        source.export().engine.connect().execution_options(
            **({} if source.url.startswith("sqlite") else {"postgresql_readonly": True})
        ) as connection,
    ):  # fmt: skip
        connection.exec_driver_sql("DELETE FROM contacts")


SECRET = "hunter2"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://app:{SECRET}@localhost:1/core",
        f"postgresql://app:{SECRET}@localhost:{SECRET}/core",
        f"mysql://app:{SECRET}@localhost/core",
        f"sqlite:////nowhere/{SECRET}",
        SECRET,
        f"oracle+{SECRET}://x",
    ],
)
def test_no_error_repeats_any_part_of_the_url(url: str) -> None:
    with pytest.raises(FiduciaryError) as refused:
        TableExport(open_database(url), "core", "contacts", "changed_at").newest("", CONTRACT)
    assert isinstance(refused.value, UsageError | StorageError)
    assert SECRET not in "".join(traceback.format_exception(refused.value))
    assert [c.name for c in COLUMNS] == [c.name for c in CONTRACT.columns]
