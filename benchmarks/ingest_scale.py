"""The way in at scale: rows with text by the rules and by the models, and the memory of ten million rows.

Texts are 80 characters of the demo's service notes, every one different, every third with identifiers in
it; each row has two identifier columns. The peer scans the same texts with stock Presidio (patterns only) and
writes them with a bare ``write_deltalake``; it makes no pseudonyms, asks no consent and keeps no counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from deltalake import write_deltalake

from benchmarks.pii import stock_patterns
from benchmarks.report import Row, cpu_seconds
from service.demo.generate import generate
from service.demo.notes import write_note
from service.domain.actors import Actor
from service.domain.contracts import Column, DatasetContract, Kind, Role, TextProfile
from service.domain.odcs import canonical_json, parse_contract
from service.ports import Deps
from service.settings import load_settings
from service.usecases.datasets import add_dataset
from service.usecases.detection import detector_for
from service.usecases.ingest import ingest
from service.wiring import create_service, load_contract

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakes.contract_documents import format_contract

CUSTOMERS: Final = 10_000
TEXTS: Final = 100_000
PEER_TEXTS: Final = 2_000
MODEL_TEXTS: Final = 3_000
ROWS: Final = 10_000_000
LENGTH: Final = 80
LIMIT_MB: Final = 700
STEWARD: Final = Actor("user:bench", frozenset({"data_steward"}))
_CHILD: Final = """
import resource, sys, time
from pathlib import Path
from benchmarks.ingest_scale import STEWARD
from service.settings import load_settings
from service.usecases.ingest import ingest
from service.wiring import open_service
deps = open_service(load_settings({}, home=Path(sys.argv[1])))
begun = time.process_time()
row = ingest(Path(sys.argv[2]), "statements", actor=STEWARD, deps=deps)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print([row.counts.rows, row.counts.admitted, peak, time.process_time() - begun])
"""


def run() -> list[Row]:
    """All measurements over one service."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made = generate(root / "bank", customers=CUSTOMERS)
        deps, _ = create_service(load_settings({}, home=root / "home"))
        for name in ("customers", "statements"):
            add_dataset(*load_contract(made.contracts[name]), actor=STEWARD, deps=deps)
        ingest(made.files["customers"], "customers", actor=STEWARD, deps=deps)
        frame = _rows(made.files["customers"])
        return [
            _texts(deps, frame, root),
            _models(deps, frame, root),
            _memory(made.files["statements"], root),
        ]


def _calls() -> DatasetContract:
    """Two identifier columns and a text, under a purpose that rests on a contract."""
    document = format_contract(
        DatasetContract(
            name="calls",
            version="1.0.0",
            title="Calls",
            columns=(
                Column("mobile", Role.SUBJECT_ID, Kind.STRING, "C2", id_type="mobile", links=True),
                Column("email", Role.DIRECT_IDENTIFIER, Kind.STRING, "C2", id_type="email", links=True),
                Column("called_on", Role.EVENT_TIME, Kind.DATE, "C1"),
                Column("text", Role.FREE_TEXT, Kind.STRING, "C2"),
            ),
            purposes=("contract_performance",),
            retention_class="service_note",
            creates_subjects=False,
            row_per_subject=False,
            digest="",
        )
    )
    return parse_contract(document)


def _rows(customers: Path) -> pl.DataFrame:
    people = pl.read_csv(customers, infer_schema=False)
    known = people.filter(pl.col("resident_id").str.len_chars() == 18).unique("mobile", maintain_order=True)
    dice = np.random.default_rng(7)
    rows = known.to_dicts()
    picks = dice.integers(len(rows), size=(TEXTS, 2))
    texts = [_note(rows[a], rows[b], n, dice) for n, (a, b) in enumerate(picks.tolist())]
    mine = [rows[a] for a in picks[:, 0].tolist()]
    columns = {name: [row[name] for row in mine] for name in ("mobile", "email")}
    return pl.DataFrame({**columns, "called_on": ["2005-09-01"] * TEXTS, "text": texts})


def _ingested(deps: Deps, contract: DatasetContract, frame: pl.DataFrame, path: Path) -> float:
    """CPU seconds per row under the contract."""
    add_dataset(contract, canonical_json(format_contract(contract)), actor=STEWARD, deps=deps)
    frame.write_csv(path)
    detector_for(contract, deps)  # loaded once per process, not per row
    return cpu_seconds(lambda: ingest(path, "calls", actor=STEWARD, deps=deps), 1) / frame.height


def _models(deps: Deps, frame: pl.DataFrame, root: Path) -> Row:
    contract, sample = _calls(), frame.tail(MODEL_TEXTS)
    rules = _ingested(deps, contract, sample, root / "fast.csv")
    newer = replace(contract, version="1.1.0", text_profile=TextProfile.ACCURATE)
    ours = _ingested(deps, parse_contract(format_contract(newer)), sample, root / "accurate.csv")
    return Row(
        what=f"Ingest of {MODEL_TEXTS:,} such rows under `textProfile: accurate`",
        ours=f"{1 / ours:,.0f} texts / CPU s",
        peer=f"{1 / rules:,.0f} texts / CPU s, the same rows by the rules",
        ratio=round(ours / rules, 1),
        target="stated, no bar; ratio: CPU of the models to that of the rules",
        met=True,
    )


def _texts(deps: Deps, frame: pl.DataFrame, root: Path) -> Row:
    ours = _ingested(deps, _calls(), frame, root / "calls.csv")
    sample = frame.head(PEER_TEXTS)
    theirs = cpu_seconds(lambda: _stock(sample, root / "peer"), 1) / PEER_TEXTS
    return Row(
        what=f"Ingest of {TEXTS:,} rows with {LENGTH} characters of text and two identifier columns, rules",
        ours=f"{1 / ours:,.0f} rows / CPU s",
        peer=f"{1 / theirs:,.0f} rows / CPU s, stock Presidio patterns and a bare Delta write",
        ratio=round(theirs / ours, 1),
        target="at least 25,000 rows / CPU s; ratio: how many times faster",
        met=1 / ours >= 25_000,
    )


def _note(own: dict[str, str], kin: dict[str, str], n: int, dice: np.random.Generator) -> str:
    """A text with identifiers for every third row, without any for the others."""
    text, planted = write_note(own, kin, dice)
    while bool(planted) != (n % 3 == 0):
        text, planted = write_note(own, kin, dice)
    rest = (
        f" 第{n}号工单，已登记并转交后台处理，客户表示满意，无其他需要，坐席按流程结束通话并完成回访登记" * 2
    )
    return (text + rest)[:LENGTH]


def _stock(frame: pl.DataFrame, target: Path) -> None:
    analyzer = stock_patterns()
    for text in frame["text"]:
        analyzer.analyze(text, language="en")
    write_deltalake(target, frame)


def _memory(statements: Path, root: Path) -> Row:
    header, *lines = statements.read_text(encoding="utf-8").splitlines()
    block = "\n".join(lines) + "\n"
    path = root / "many.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{header}\n")
        for _ in range(ROWS // len(lines)):
            file.write(block)
        file.write("\n".join(lines[: ROWS % len(lines)]) + "\n")
    command = [sys.executable, "-c", _CHILD, str(root / "home"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows, admitted, peak, seconds = json.loads(done.stdout.splitlines()[-1])
    return Row(
        what=f"Ingest of {rows:,} rows from one file of {path.stat().st_size / 1e6:,.0f} MB: peak memory",
        ours=f"{peak:,} MB; {admitted:,} admitted, {rows / seconds:,.0f} rows / CPU s",
        peer=f"limit {LIMIT_MB:,} MB",
        ratio=round(peak / LIMIT_MB, 2),
        target="at most 1",
        met=peak <= LIMIT_MB,
    )
