"""Write consent records: most stand, some are too weak, withdrawn or expired, some were never given.

What holds is relative to 1 January 2026 and later; a standing record is open-ended or ends in 2046.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np
import polars as pl

#: Per purpose, the share of customers in each state; the rest never gave consent. A record that stands has
#: the kind named here; a ``weak`` one is plain where the purpose needs separate consent (PIPL 29).
SHARES: Final[dict[str, tuple[str, dict[str, float]]]] = {
    "credit_scoring": ("separate", {"stands": 0.70, "weak": 0.08, "withdrawn": 0.07, "expired": 0.05}),
    "value_segmentation": ("plain", {"stands": 0.78, "withdrawn": 0.08, "expired": 0.04}),
    "service_improvement": ("plain", {"stands": 0.75, "withdrawn": 0.10, "expired": 0.05}),
}
NOTICE: Final = "2024-01"

_FIRST: Final = datetime(2024, 1, 1)  # noqa: DTZ001  polars adds the zone
_GIVEN_SECONDS: Final = 540 * 86_400  # until 24 June 2025
_ENDED: Final = datetime(2025, 7, 1)  # noqa: DTZ001
_ENDED_SECONDS: Final = 180 * 86_400  # until 28 December 2025
_FAR: Final = datetime(2046, 1, 1)  # noqa: DTZ001


def make_consents(resident_ids: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    """One record or none per customer and purpose.

    Returns:
        String columns ``resident_id``, ``purpose``, ``kind``, ``given_at``, ``valid_until``,
        ``withdrawn_at`` (RFC 3339 in UTC, null for none), ``notice``; by customer, then purpose.
    """
    frames = [_of_purpose(resident_ids, purpose, rng) for purpose in SHARES]
    return pl.concat(frames).sort("_order", "purpose").drop("_order")


def _of_purpose(resident_ids: pl.Series, purpose: str, rng: np.random.Generator) -> pl.DataFrame:
    kind, shares = SHARES[purpose]
    n = len(resident_ids)
    states = np.array([*shares, "missing"])[
        np.searchsorted(np.cumsum(list(shares.values())), rng.random(n), "right")
    ]
    frame = pl.DataFrame(
        {
            "resident_id": resident_ids,
            "state": states,
            "given": rng.integers(_GIVEN_SECONDS, size=n),
            "ended": rng.integers(_ENDED_SECONDS, size=n),
            "open": rng.random(n) < 0.5,  # noqa: PLR2004  half of them
        }
    ).with_row_index("_order")
    ended = pl.lit(_ENDED) + pl.duration(seconds="ended")
    is_state = {state: pl.col("state") == state for state in ("weak", "withdrawn", "expired")}
    return frame.filter(pl.col("state") != "missing").select(
        "_order",
        "resident_id",
        purpose=pl.lit(purpose),
        kind=pl.when(is_state["weak"]).then(pl.lit("plain")).otherwise(pl.lit(kind)),
        given_at=_text(pl.lit(_FIRST) + pl.duration(seconds="given")),
        valid_until=_text(pl.when(is_state["expired"]).then(ended).when(~pl.col("open")).then(pl.lit(_FAR))),
        withdrawn_at=_text(pl.when(is_state["withdrawn"]).then(ended)),
        notice=pl.lit(NOTICE),
    )


def _text(moment: pl.Expr) -> pl.Expr:
    return moment.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
