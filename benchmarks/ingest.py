"""The one way in beside a bare write: whole files through the use cases, and the same frame into Delta.

Ours reads and types the CSV file, looks for undeclared identifiers, makes pseudonyms, asks consent, computes
contribution totals, writes zstd files by bucket with the exactly-once record, and logs the act; customers
also get keys and sealed documents, and consent records go into the operational database. The peer only
writes the finished frame with ``write_deltalake``. The ratio says what the privacy costs, in CPU time.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import polars as pl
from deltalake import write_deltalake

from benchmarks.report import Row, cpu_seconds
from service.demo.generate import generate
from service.domain.actors import Actor
from service.ports import Deps
from service.settings import load_settings
from service.usecases.consent import import_consents
from service.usecases.datasets import add_dataset
from service.usecases.ingest import ingest
from service.wiring import create_service, load_contract

CUSTOMERS = 30_000
STEWARD = Actor("user:bench", frozenset({"data_steward"}))
RUNS = 3


def run() -> list[Row]:
    """Customers and consents come once into empty tables; statements are the best of three runs."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made = generate(root / "bank", customers=CUSTOMERS)
        deps, _ = create_service(load_settings({}, home=root / "home"))
        for name, path in made.contracts.items():
            if name in {"customers", "statements"}:
                add_dataset(*load_contract(path), actor=STEWARD, deps=deps)
        return [
            _customers(deps, made.files["customers"], root / "peer"),
            _statements(deps, made.files["statements"], root / "peer"),
            _consents(deps, made.consents, root / "peer"),
        ]


def _customers(deps: Deps, path: Path, target: Path) -> Row:
    ours = cpu_seconds(lambda: ingest(path, "customers", actor=STEWARD, deps=deps), 1)
    frame = deps.events.scan("customers").collect().drop("_bucket")
    return _row("Ingest of the customers, sealed", ours, frame, target)


def _statements(deps: Deps, path: Path, target: Path) -> Row:
    """Each run is another source: no rows are skipped."""
    sources = (f"run {n}" for n in range(RUNS))

    def work() -> None:
        shutil.rmtree(deps.home / "events" / "statements", ignore_errors=True)
        ingest(path, "statements", actor=STEWARD, deps=deps, source=next(sources))

    ours = cpu_seconds(work, RUNS)
    frame = deps.events.scan("statements").collect().drop("_bucket")
    return _row("Ingest of the statements", ours, frame, target, 150_000)


def _consents(deps: Deps, path: Path, target: Path) -> Row:
    ours = cpu_seconds(lambda: import_consents(path, actor=STEWARD, deps=deps), 1)
    with deps.ops() as tx:
        frame = tx.consents.frame()
    return _row("Import of consent records", ours, frame, target)


def _row(what: str, ours: float, frame: pl.DataFrame, target: Path, bar: int = 0) -> Row:
    def write() -> None:
        shutil.rmtree(target, ignore_errors=True)
        write_deltalake(target, frame)

    theirs = cpu_seconds(write, RUNS)
    speed = frame.height / ours
    return Row(
        what=what,
        ours=f"{speed:,.0f} rows / CPU s",
        peer=f"{frame.height / theirs:,.0f} rows / CPU s, bare write_deltalake of the same frame",
        ratio=round(ours / theirs, 1),
        target=(f"at least {bar:,} rows / CPU s" if bar else "stated, no bar")
        + "; ratio: CPU to the bare write",
        met=speed >= bar,
    )
