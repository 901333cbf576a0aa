"""Rows of a table or view of another database, by watermark, reconciled with totals that it computes itself.

A range is read in one read-only transaction that sees one state of the database (REPEATABLE READ on
PostgreSQL), in the order of the watermark. In the same transaction the database counts the rows and adds up
every measure; what arrived, rejected rows included, must have exactly these totals, or nothing is stored.

Money in a contract is whole minor units. A measure whose unit ends in ``-cent`` may be a decimal column of
major units in the source: 12.30 becomes 1230, and a row with a part of a cent is rejected
(``not_minor_units``). An integer column holds minor units already. Floating point is refused.

A position is the watermark as the database writes it, behind a short hash of the columns' types: a decimal
column that became an integer one would otherwise change all amounts in silence.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import polars as pl
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchTableError
from sqlalchemy.pool import NullPool

from service.adapters.connectors.rows import split, type_rows
from service.adapters.connectors.source import check_columns
from service.adapters.sql.engine import make_engine
from service.adapters.sql.errors import plain_errors
from service.domain.contracts import Column, DatasetContract, Kind, Role
from service.errors import ConflictError, ContractError, UsageError
from service.ports import Chunk

CHUNK_ROWS: Final = 50_000
_MARK: Final = re.compile(r"-?[0-9][0-9T:.+\- Z]{0,60}")  # a number or a time: it goes into the log
_LAG: Final = re.compile(r"([0-9]{1,9})([smhd]?)")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_FAMILIES: Final = (sa.Float, sa.Integer, sa.Numeric, sa.DateTime, sa.Date, sa.Boolean, sa.String)
_CENTS: Final = r"^-?[0-9]+(?:\.[0-9]{0,2}0*)?$"
_FINE: Final = 10_000  # SQLite adds up hundredths of a cent: its decimals are binary fractions


def open_database(url: str) -> sa.Engine:
    """An engine for somebody else's database. Raises UsageError, without the URL or any part of it."""
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return make_engine(url)
    except (ArgumentError, ValueError):
        raise UsageError("the database URL cannot be read") from None
    path = Path(parsed.database or "")
    if not path.is_file():
        raise UsageError("the SQLite database is no file")
    read_only = sa.URL.create(
        "sqlite", database=path.absolute().as_uri(), query={"mode": "ro", "uri": "true"}
    )
    plain = {"isolation_level": None}  # the driver must not begin by itself
    engine = sa.create_engine(read_only, connect_args=plain, hide_parameters=True, poolclass=NullPool)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


@dataclass(frozen=True)
class TableExport:
    """``service.ports.exports.Export``.

    Attributes:
        engine: of ``open_database``.
        source: name of the source system.
        table: table or view, perhaps with its schema: ``core.statements``.
        watermark: its column that only grows.
        lag: how far to stay behind, for rows that are committed late: ``5m`` behind the database's clock for
            a time, a number behind the newest one for a number.
        accept_change: go on although columns have other types than at the last pull.
    """

    engine: sa.Engine
    source: str
    table: str
    watermark: str
    lag: str = ""
    accept_change: bool = False

    @property
    def name(self) -> str:
        """Source system and table."""
        return f"{self.source}:{self.table}"

    def newest(self, after: str, contract: DatasetContract) -> str:
        """The position to read up to; empty when nothing is behind ``after``."""
        with _snapshot(self.engine) as connection:
            table = self.reflect(connection)
            shape = self.check(table, contract, after)
            mark = table.c[self.watermark]
            if connection.scalar(sa.select(sa.exists().where(mark.is_(None)))):
                raise ContractError("rows without a watermark would never be read", column=self.watermark)
            settled = mark <= self._settled(mark) if self.lag else sa.true()
            query = sa.select(_text(sa.func.max(mark))).where(self.behind(mark, after), settled)
            newest = connection.scalar(query)
        if newest is None:
            return ""
        if not _MARK.fullmatch(str(newest)):
            raise ContractError("the watermark is neither a number nor a time", column=self.watermark)
        return f"{shape}={newest}"

    def rows(self, after: str, upto: str) -> TableRows:
        """The rows in between."""
        return TableRows(self, after, upto)

    def reflect(self, connection: sa.Connection) -> sa.Table:
        """The table as it is now. Raises ContractError."""
        schema, _, name = self.table.rpartition(".")
        try:
            table = sa.Table(
                name, sa.MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False
            )
        except NoSuchTableError:
            raise ContractError("there is no such table in the source", table=self.table) from None
        if self.watermark not in table.c or _family(table.c[self.watermark]).startswith(("other", "Float")):
            raise ContractError("no such column, or none that a watermark can be", column=self.watermark)
        return table

    def check(self, table: sa.Table, contract: DatasetContract, *positions: str) -> str:
        """Hold the table against the contract, and against the one that the positions are of; its shape."""
        names = [c.name for c in contract.columns]
        check_columns([n for n in names if n in table.c], contract)
        for column in contract.columns:
            if column.role is Role.MEASURE and not _is_number(table.c[column.name]):
                raise ContractError("a measure must be an exact number in the source", column=column.name)
        kinds = [[n, _family(table.c[n])] for n in (self.watermark, *names)]
        shape = hashlib.sha256(json.dumps(kinds).encode()).hexdigest()[:8]
        if not self.accept_change and any(p and p.partition("=")[0] != shape for p in positions):
            raise ConflictError("columns of the source have changed since the last pull", table=self.table)
        return shape

    def behind(self, mark: sa.Column[Any], position: str) -> sa.ColumnElement[bool]:
        """Rows behind a position; the database reads its own writing."""
        if not position:
            return sa.true()
        value = sa.literal(position.partition("=")[2], sa.String)
        text = self.engine.dialect.name == "sqlite" and not _is_number(mark)  # its times are texts
        return mark > (value if text else sa.cast(value, mark.type))

    def _settled(self, mark: sa.Column[Any]) -> sa.ColumnElement[Any]:
        """The last watermark that is old enough."""
        parts, number = _LAG.fullmatch(self.lag), _is_number(mark)
        if parts is None or number is bool(parts[2]):
            raise UsageError("the lag does not fit the watermark", use="5m for a time, 1000 for a number")
        if number:
            return sa.select(sa.func.max(mark) - int(parts[1])).scalar_subquery()
        seconds = timedelta(seconds=int(parts[1]) * _UNITS[parts[2]])
        if self.engine.dialect.name == "sqlite":
            return sa.literal(str((datetime.now(UTC) - seconds).replace(tzinfo=None)), sa.String)
        return sa.cast(sa.func.now() - seconds, mark.type)


@dataclass
class TableRows:
    """``service.ports.Source``: one range of a table."""

    export: TableExport
    after: str
    upto: str
    _count: int = field(default=0, init=False)

    @property
    def digest(self) -> str:
        """Of the range: its rows are read again only when they were not committed."""
        place = [self.export.name, self.export.watermark, self.after, self.upto]
        return hashlib.sha256(json.dumps(place).encode()).hexdigest()

    @property
    def facts(self) -> tuple[tuple[str, str | int], ...]:
        """The range, and how many rows the source counted in it."""
        start, end = (position.partition("=")[2] for position in (self.after, self.upto))
        return (("from", start), ("source_rows", self._count), ("upto", end))

    def chunks(self, contract: DatasetContract) -> Iterator[Chunk]:
        """All rows. Raises ConflictError when they do not have the totals that the source computes."""
        export = self.export
        with _snapshot(export.engine) as connection:
            table = export.reflect(connection)
            export.check(table, contract, self.after, self.upto)
            mark, measures = table.c[export.watermark], contract.with_role(Role.MEASURE)
            where = (export.behind(mark, self.after), ~export.behind(mark, self.upto))
            scales = {m.name: _scale(table.c[m.name], export.engine) for m in measures}
            sums = [_text(_total(table.c[name], scale)) for name, scale in scales.items()]
            self._count, *totals = connection.execute(sa.select(sa.func.count(), *sums).where(*where)).one()
            names, read, found = [c.name for c in contract.columns], 0, dict.fromkeys(scales, Fraction())
            money = frozenset(c.name for c in contract.columns if _is_money(c, table.c[c.name]))
            key = list(table.primary_key) or [table.c[n] for n in names]
            query = sa.select(*(_text(table.c[n]).label(n) for n in names)).where(*where).order_by(mark, *key)
            streaming = connection.execution_options(stream_results=True, yield_per=CHUNK_ROWS)
            for part in streaming.execute(query).partitions():
                frame = pl.DataFrame(part, schema=dict.fromkeys(names, pl.String()), orient="row")
                frame = frame.with_row_index("_row", offset=read + 1)
                read += frame.height
                typed, rejected = _type_money(frame, sorted(money), contract)
                for name, scale in scales.items():
                    whole = Fraction(sum(typed[name].drop_nulls()), 100 if name in money else 1) * scale
                    found[name] += whole + _raw_sum(frame.join(rejected, on="_row", how="semi")[name], scale)
                yield Chunk(typed, rejected, min(read / max(self._count, 1), 1.0))
        pairs = zip(scales, totals, strict=True)
        wrong = [name for name, total in pairs if _raw_sum(pl.Series(name, [total]), 1) != found[name]]
        if read != self._count or wrong:
            raise ConflictError(
                "what was read does not have the totals of the source",
                rows=read, expected=self._count, columns=", ".join(wrong),
            )  # fmt: skip


@contextmanager
def _snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A read-only transaction that sees one state; failures carry no message of the driver."""
    exact = engine.dialect.name == "postgresql"
    with plain_errors(), engine.connect() as connection:
        if exact:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            if exact:
                connection.exec_driver_sql("SET LOCAL DateStyle = 'ISO, YMD'")
            yield connection


def _text(value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(value, sa.Text)


def _family(column: sa.Column[Any]) -> str:
    """What matters of a type: not the length of a text."""
    family = next((k.__name__ for k in _FAMILIES if isinstance(column.type, k)), "other")
    return f"{family} {_is_decimal(column)} {getattr(column.type, 'timezone', False)}"


def _is_number(column: sa.Column[Any]) -> bool:
    """An exact one."""
    return isinstance(column.type, sa.Integer | sa.Numeric) and not isinstance(column.type, sa.Float)


def _is_decimal(column: sa.Column[Any]) -> bool:
    """A number with decimal places, or without a stated number of them."""
    return isinstance(column.type, sa.Numeric) and column.type.scale != 0


def _scale(column: sa.Column[Any], engine: sa.Engine) -> int:
    return _FINE if engine.dialect.name == "sqlite" and _is_decimal(column) else 1


def _is_money(column: Column, source: sa.Column[Any]) -> bool:
    """Whether the source has major units where the contract has minor ones."""
    return column.unit.endswith("-cent") and _is_decimal(source)


def _total(column: sa.Column[Any], scale: int) -> sa.ColumnElement[Any]:
    """The sum as the database computes it: PostgreSQL exactly, SQLite in whole hundredths of a cent."""
    if scale == 1:
        return sa.func.sum(column)
    return sa.func.sum(sa.cast(sa.func.round(sa.type_coerce(column, sa.Float) * scale), sa.Integer))


def _raw_sum(values: pl.Series, scale: int) -> Fraction:
    """The same sum over fields that could not be typed, rounded as the database rounds."""
    try:
        numbers = [Fraction(v) * scale for v in values.drop_nulls()]
    except ValueError:  # SQLite stores any text, PostgreSQL has NaN
        raise ConflictError("a measure holds what is no number", column=values.name) from None
    half = Fraction(1, 2)
    return sum(
        (n if scale == 1 else Fraction(int(n + (half if n > 0 else -half))) for n in numbers), Fraction()
    )


def _type_money(
    frame: pl.DataFrame, money: list[str], contract: DatasetContract
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Typed and rejected rows, after amounts in major units have become minor ones."""
    good, bad = split(
        frame, [(n, pl.when(~pl.col(n).str.contains(_CENTS)).then(pl.lit("not_minor_units"))) for n in money]
    )
    cents = (
        pl.col(money).str.replace(r"^(-?[0-9]+)$", "$1.").str.replace("$", "00")
        .str.replace(r"\.([0-9]{2}).*$", "$1").str.replace(r"^(-?)0+([0-9])", "$1$2")
    )  # fmt: skip
    return type_rows(_instants(good.with_columns(cents), contract.columns), contract, bad)


def _instants(frame: pl.DataFrame, columns: tuple[Column, ...]) -> pl.DataFrame:
    """Instants as RFC 3339 writes them: PostgreSQL gives them in UTC, without the letters."""
    names = [c.name for c in columns if c.kind is Kind.TIMESTAMP]
    return frame.with_columns(pl.col(names).str.replace(r"^([0-9-]{10}) ([0-9:.]{8,15})\+00$", "${1}T${2}Z"))
