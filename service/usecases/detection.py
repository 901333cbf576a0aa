"""Step one of the way in: check that the contract is true about where personal data is.

Free text is replaced by its redacted form, the path of a click by its plain steps. A structured column in
which no identifier is declared must hold none: a row in which one is found is rejected as
``undeclared_<type>``, and its values go nowhere. Many such rows in one chunk stop the batch
(``service.usecases.drift``).
"""

from __future__ import annotations

import hmac
from typing import Final

import polars as pl

from privacy.pii.columns import undeclared
from privacy.pii.detect import Detector
from privacy.pii.redact import redact
from service.domain.batches import RawBatch, ScannedBatch
from service.domain.contracts import DatasetContract, Role, Surrogates
from service.domain.web_paths import clean_paths
from service.usecases.drift import check_undeclared
from service.usecases.quarantine import reject

_DECLARED: Final = frozenset({Role.SUBJECT_ID, Role.DIRECT_IDENTIFIER, Role.FREE_TEXT, Role.EVENT_TIME})


def scan_batch(
    batch: RawBatch, detector: Detector | None, row_key: bytes, surrogate_key: bytes
) -> ScannedBatch:
    """Redact free text and reject rows with undeclared identifiers.

    Args:
        batch: as it came.
        detector: may be None for a contract without free text only.
        row_key: the keyring's ``row-tag`` key.
        surrogate_key: the keyring's ``surrogate`` key; each dataset has a key of its own made from it, so
            that keyed surrogates link nothing between datasets.
    """
    paths = [column.name for column in batch.contract.with_role(Role.WEB_PATH)]
    plain = batch.frame.with_columns(clean_paths(batch.frame[name]) for name in paths)
    frame, rejected = _undeclared(plain, batch.contract, row_key)
    texts = batch.contract.with_role(Role.FREE_TEXT)
    if texts and detector is None:
        raise ValueError("a contract with free text needs a detector")
    if detector is not None:
        key = hmac.digest(surrogate_key, batch.contract.name.encode(), "sha256")
        frame = frame.with_columns(
            redacted(frame[c.name], detector, key if c.surrogates is Surrogates.KEYED else None)
            for c in texts
        )
    return ScannedBatch(batch.id, batch.contract, frame, pl.concat([batch.rejected, rejected]))


def redacted(texts: pl.Series, detector: Detector, key: bytes | None = None) -> pl.Series:
    """Each text with surrogates in the place of what was found in it; each distinct text is read once."""
    distinct = texts.drop_nulls().unique(maintain_order=True).to_list()
    found = detector.detect_batch(distinct)
    clean = {text: redact(text, spans, key) for text, spans in zip(distinct, found, strict=True) if spans}
    return texts.replace(list(clean), list(clean.values())) if clean else texts


def _undeclared(
    frame: pl.DataFrame, contract: DatasetContract, key: bytes
) -> tuple[pl.DataFrame, pl.DataFrame]:
    open_keys = [c.name for c in contract.columns if c.role not in _DECLARED and not c.keys]
    found = undeclared(frame, open_keys)
    check_undeclared(found, frame.height)
    first = found.select(
        "_row",
        "column",
        pl.concat_str(pl.lit("undeclared_"), pl.col("type").str.to_lowercase()).alias("rule"),
    ).unique("_row", keep="first", maintain_order=True)
    bad = frame.join(first, on="_row", how="inner", maintain_order="left")
    good = frame.join(first, on="_row", how="anti", maintain_order="left")
    return good, reject(bad, [c.name for c in contract.columns], key)
