"""Make ``service/demo/data/uci_default.parquet`` from the published CSV form of the UCI data set.

Usage: ``python tools/make_demo_data.py UCI_Credit_Card.csv``. The data and what was changed are described in
``service/demo/data/NOTICE.md``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

TARGET = Path(__file__).parent.parent / "service/demo/data/uci_default.parquet"
ROWS = 30_000


def main(source: Path) -> None:
    """Read the CSV, check that no value is lost by the smaller types, write Parquet."""
    raw = pl.read_csv(source)
    frame = pl.DataFrame([column.cast(pl.Int32).shrink_dtype() for column in raw])
    if frame.height != ROWS or not frame.cast(pl.Float64).equals(raw.cast(pl.Float64)):
        raise SystemExit("the file is not the expected data set, or a value would be rounded")
    frame.write_parquet(TARGET, compression="zstd", compression_level=19, statistics=False)
    print(f"{TARGET.name}: {frame.height} rows, {len(frame.columns)} columns, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
