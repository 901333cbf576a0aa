"""A bank's statements as messages, and consumers that take them in: what the tests of every broker share."""

from __future__ import annotations

import json
import random
import shutil
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Final

import polars as pl
from fakes.clock import FakeClock
from fakes.consume_child import consume_all
from fakes.intake import STEWARD, open_intake

from service.demo.generate import generate
from service.ports import BatchRow, Deps
from service.ports.streams import Stream
from service.settings import load_settings
from service.usecases.consume import MAX_MESSAGE, consume
from service.usecases.ingest import ingest
from service.wiring import open_service

CUSTOMERS: Final = 830  # 4,980 statements
BAD: Final = (
    (b"", "not_json"),
    (b"no json", "not_json"),
    (b"\xff\xfe", "not_json"),
    (b'[["card_no", "1"]]', "not_json"),
    (b"5", "not_json"),
    (b'{"bill_cents": NaN}', "not_json"),
    (b'{"bill_cents": 1e999}', "not_json"),
    (b'{"card_no": "\\ud800"}', "not_json"),
    (b"[" * 100_000, "not_json"),
    (b'{"card_no": "' + b"4" * MAX_MESSAGE + b'"}', "too_large"),
    (b'{"card_no": "4", "card_no": "5"}', "duplicate_key"),
    (b'{"13912345678": 1}', "unknown_field"),
    (b"{}", "missing_value"),
    (b'{"card_no": null, "month": "2005-04-01", "bill_cents": 1, "paid_cents": 1, "pay_status": "paid"}',
     "missing_value"),
)  # fmt: skip


def make_bank(folder: Path) -> Path:
    """A service in ``model`` that knows the bank's customers, and ``statements.jsonl``."""
    files = generate(folder / "input", customers=CUSTOMERS).files
    deps = open_intake(folder / "model", FakeClock())
    ingest(files["customers"], "customers", actor=STEWARD, deps=deps)
    rows = pl.read_csv(files["statements"], infer_schema=False).rows(named=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "statements.jsonl").write_text(text, encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Total:
    """What a run took in."""

    batches: int
    rows: int
    admitted: int


def run(stream: Stream, deps: Deps, *, limit: int = 1_000) -> Total:
    """Take in what is there."""
    rows = list(consume(stream, "statements", actor=STEWARD, deps=deps, once=True, limit=limit, wait=1.0))
    return Total(len(rows), sum(r.counts.rows for r in rows), sum(r.counts.admitted for r in rows))


def stored(deps: Deps) -> pl.DataFrame:
    """Live statements without the name of their batch, in an order of their own."""
    frame = deps.events.scan("statements").collect().drop("_batch")
    return frame.sort(frame.columns)


def rebuilt(folder: Path, lines: list[bytes]) -> pl.DataFrame:
    """What one batch of the same lines stores."""
    home = shutil.copytree(folder / "model", folder / "rebuild", dirs_exist_ok=True)
    deps = open_service(load_settings({}, home=Path(home)), clock=FakeClock())
    path = folder / "rebuild.jsonl"
    path.write_bytes(b"\n".join(lines))
    ingest(path, "statements", actor=STEWARD, deps=deps)
    frame = stored(deps)
    shutil.rmtree(home)
    return frame


def batches(deps: Deps) -> tuple[BatchRow, ...]:
    """Of all sources."""
    with deps.ops() as tx:
        return tx.batches.all()


def start(
    forkserver: ForkServerContext, home: Path, stream: Stream, *, batches: int
) -> tuple[ForkServerProcess, Connection]:
    """A consumer that has finished so many micro-batches and goes on, and what it speaks to."""
    ours, theirs = forkserver.Pipe()
    child = forkserver.Process(target=consume_all, args=(home, stream, theirs))
    child.start()
    while ours.recv() < batches:
        pass
    return child, ours


def kill_and_run_again(
    forkserver: ForkServerContext, home: Path, stream: Stream, dice: random.Random
) -> None:
    """Kill consumers at any moment, then let one come to the end."""
    for after in (1, 2, 0, 3, 2):
        child, _pipe = start(forkserver, home, stream, batches=after)
        time.sleep(dice.uniform(0, 0.4))
        child.kill()
        child.join()
    child, _pipe = start(forkserver, home, stream, batches=0)
    child.join()
    assert child.exitcode == 0
