"""Several files at once: each is taken in by a process of its own, and one that fails stops no other."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.command import CommandLine
from fakes.house import furnish


@pytest.mark.parametrize("workers", ["1", "2"])
def test_files_are_taken_in_side_by_side_and_a_bad_one_is_named(tmp_path: Path, workers: str) -> None:
    house = furnish(tmp_path, customers=60, at=datetime.now(UTC))
    line = CommandLine(house.settings.home, house.tokens)
    header, *rows = (house.source / "statements.csv").read_text(encoding="utf-8").splitlines()
    parts = [tmp_path / f"part{n}.csv" for n in range(3)]
    for n, part in enumerate(parts):
        part.write_text("\n".join([header, *rows[n::3]]) + "\n", encoding="utf-8")
    bad = tmp_path / "bad.csv"
    bad.write_text("no,such,columns\n", encoding="utf-8")

    many: tuple[str | Path, ...] = ("ingest", "statements", *parts, "--workers", workers, "--json")

    ran = line.spawn(*many, bad, who="dana")

    batches = json.loads(ran.out)["batches"]
    assert sum(batch["rows"] for batch in batches) == len(rows)
    assert [batch["admitted"] > 0 for batch in batches] == [True] * 3
    assert ran.code == 2
    assert json.loads(ran.err.splitlines()[-1])["error"] == "contract"
    again = line.spawn(*many, who="dana")
    assert json.loads(again.out)["batches"] == batches
