"""The consent gate: rows judged per CPU second, against a polars join of rows to their subject's state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from benchmarks.report import Row, cpu_seconds
from privacy.consent.gate import admit
from privacy.consent.records import CONSENTS, ConsentNeed

ROWS: Final = 10_000_000
SUBJECTS: Final = 30_000
AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
BAR: Final = 20e6


def run() -> list[Row]:
    """Ten million rows of thirty thousand subjects, a third of them expired."""
    number = np.arange(1, SUBJECTS + 1)
    consents = pl.DataFrame(
        {
            "_subject": number,
            "purpose": "credit_scoring",
            "kind": "separate",
            "given_at": AT - timedelta(days=30),
            "valid_until": pl.Series([None, None, AT] * (SUBJECTS // 3), dtype=CONSENTS["valid_until"]),
            "withdrawn_at": None,
        }
    )
    rows = pl.Series("_subject", np.random.default_rng(1).integers(1, SUBJECTS + 1, ROWS))
    need = ConsentNeed("consent", "credit_scoring", "separate")
    state = pl.DataFrame({"_subject": number, "state": "stands"})

    def joined() -> pl.DataFrame:
        return rows.to_frame().join(state, on="_subject", how="left", maintain_order="left")

    ours = cpu_seconds(lambda: admit(rows, consents, need=need, at=AT))
    peer = cpu_seconds(joined)
    return [
        Row(
            what="consent gate",
            ours=f"{ROWS / ours / 1e6:.0f} M rows / CPU s",
            peer=f"polars left join: {ROWS / peer / 1e6:.0f} M rows / CPU s",
            ratio=peer / ours,
            target="at least 20 M rows / CPU s",
            met=ROWS / ours >= BAR,
        )
    ]


if __name__ == "__main__":
    for line in run():
        print(line)
