"""A service with the demo's dataset contracts and nothing in it, and rows to feed it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl
from fakes.clock import FakeClock

from audit.entry import Entry
from privacy.pseudonym.blind_index import blind_index
from privacy.pseudonym.normalise import normalise
from privacy.pseudonym.suppression import suppression_tag
from service.adapters.connectors.files import FileConnector
from service.adapters.sql.ops import SqlOps
from service.demo.generate import CONTRACTS, DATASETS
from service.domain.actors import Actor
from service.domain.contracts import DatasetContract
from service.errors import AuditUnavailableError
from service.ports import AuditTrail, Chunk, Connector, Deps, Source
from service.settings import load_settings
from service.usecases.datasets import add_dataset
from service.wiring import create_service, load_contract

STEWARD: Final = Actor("user:dana", frozenset({"data_steward"}))
ANALYST: Final = Actor("user:ann", frozenset({"analyst"}))


def open_intake(home: Path, clock: FakeClock) -> Deps:
    """A new service that knows the three datasets of the demo."""
    deps, _token = create_service(load_settings({}, home=home), clock=clock)
    for name in DATASETS:
        contract, document = load_contract(CONTRACTS / f"{name}.yaml")
        add_dataset(contract, document, actor=STEWARD, deps=deps)
    return deps


def pick(source: Path, target: Path, *rows: int, **changes: str) -> Path:
    """A CSV file with the named data rows (from 0) of another one, some fields changed."""
    with source.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        fields = list(reader.fieldnames or ())
        table = list(reader)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows({**table[n], **changes} for n in rows)
    return target


def subject_of(deps: Deps, id_type: str, value: str) -> int | None:
    """The subject behind an identifier as a source system writes it."""
    normal = normalise(pl.Series([value]), id_type)
    return deps.vault.find(id_type, bytes(blind_index(normal, deps.keyring.index_key(id_type))[0]))


def suppress(deps: Deps, clock: FakeClock, id_type: str, value: str) -> None:
    """Put one identifier on the suppression list, as an erasure does."""
    normal = str(normalise(pl.Series([value]), id_type)[0])
    tag = suppression_tag(deps.keyring.derive("suppression"), id_type, normal)
    deps.vault.suppress([tag], until=clock.now().replace(year=clock.now().year + 10))


def entries_of(deps: Deps, event: str) -> list[Entry]:
    """Audit entries of one type, oldest first."""
    deps.audit.seal()
    return [entry for _, entry in deps.audit.entries() if entry.type == event]


def stored_text(deps: Deps) -> str:
    """Every value of every text column of every table, decoded: compression hides nothing from it."""
    tables = [deps.events.scan(name).collect() for name in deps.events.tables()]
    return "\n".join(
        json.dumps(frame.select(pl.selectors.string()).to_dict(as_series=False), ensure_ascii=False)
        for frame in tables
    )


class BrokenTrail:
    """An audit trail whose disk is gone: it reads, and cannot append."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    def __getattr__(self, name: str) -> object:
        return getattr(self._trail, name)

    def append(self, *_entries: Entry) -> None:
        """Always unavailable."""
        raise AuditUnavailableError("the log cannot be written")

    relay = require = append


class ChangingConnector:
    """A connector whose file grows after it was looked through."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    def lines(self, text: str, contract: DatasetContract) -> Iterator[Chunk]:
        """As the real one reads them."""
        return self._connector.lines(text, contract)

    def table(self, data: bytes, suffix: str = ".csv") -> pl.DataFrame:
        """As the real one reads it."""
        return self._connector.table(data, suffix)

    def open(self, path: Path, *, encoding: str = "") -> Source:
        """Look through it, then let the source system write on."""
        source = self._connector.open(path, encoding=encoding)
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")
        return source


def read_all(
    path: Path, contract: DatasetContract, *, encoding: str = ""
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Typed and rejected rows of a whole file."""
    return joined(FileConnector().open(path, encoding=encoding).chunks(contract))


def joined(chunks: Iterable[Chunk | tuple[pl.DataFrame, pl.DataFrame]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The chunks of a source as one."""
    pairs = [(c.frame, c.rejected) if isinstance(c, Chunk) else c for c in chunks]
    return pl.concat(frame for frame, _ in pairs), pl.concat(rejected for _, rejected in pairs)


def with_broken_trail(deps: Deps) -> Deps:
    """The same service with a log that cannot be written."""
    broken: AuditTrail = BrokenTrail(deps.audit)  # type: ignore[assignment]  # the rest is passed through
    assert isinstance(deps.ops, SqlOps)
    return replace(deps, audit=broken, ops=SqlOps(deps.ops.engine, broken.relay))
