"""Step one of the way in: check that the contract is true about where personal data is.

Free text is replaced by its redacted form, the path of a click by its plain steps. A structured column in
which no identifier is declared must hold none: a row in which one is found is rejected as
``undeclared_<type>``, and its values go nowhere.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from privacy.pii.columns import undeclared
from privacy.pii.detect import Detector
from privacy.pii.redact import redact
from service.domain.batches import RawBatch, ScannedBatch
from service.domain.contracts import DatasetContract, Role
from service.domain.web_paths import clean_paths
from service.usecases.quarantine import reject

_DECLARED: Final = frozenset({Role.SUBJECT_ID, Role.DIRECT_IDENTIFIER, Role.FREE_TEXT, Role.EVENT_TIME})


def scan_batch(batch: RawBatch, detector: Detector | None, row_key: bytes) -> ScannedBatch:
    """Redact free text and reject rows with undeclared identifiers.

    Args:
        batch: as it came.
        detector: may be None for a contract without free text only.
        row_key: the keyring's ``row-tag`` key.
    """
    paths = [column.name for column in batch.contract.with_role(Role.WEB_PATH)]
    plain = batch.frame.with_columns(clean_paths(batch.frame[name]) for name in paths)
    frame, rejected = _undeclared(plain, batch.contract, row_key)
    texts = [column.name for column in batch.contract.with_role(Role.FREE_TEXT)]
    if texts and detector is None:
        raise ValueError("a contract with free text needs a detector")
    if detector is not None:
        frame = frame.with_columns(redacted(frame[name], detector) for name in texts)
    return ScannedBatch(batch.id, batch.contract, frame, pl.concat([batch.rejected, rejected]))


def redacted(texts: pl.Series, detector: Detector) -> pl.Series:
    """Each text with surrogates in the place of what was found in it; each distinct text is read once."""
    distinct = texts.drop_nulls().unique(maintain_order=True)
    originals = distinct.to_list()
    found = detector.detect_batch(originals)
    clean = [redact(text, spans) for text, spans in zip(originals, found, strict=True)]
    if not clean:
        return texts
    return texts.replace_strict(distinct, pl.Series(clean, dtype=pl.String), default=None)


def _undeclared(
    frame: pl.DataFrame, contract: DatasetContract, key: bytes
) -> tuple[pl.DataFrame, pl.DataFrame]:
    open_keys = [c.name for c in contract.columns if c.role not in _DECLARED and not c.keys]
    found = undeclared(frame, open_keys)
    first = found.select(
        "_row",
        "column",
        pl.concat_str(pl.lit("undeclared_"), pl.col("type").str.to_lowercase()).alias("rule"),
    ).unique("_row", keep="first", maintain_order=True)
    bad = frame.join(first, on="_row", how="inner", maintain_order="left")
    good = frame.join(first, on="_row", how="anti", maintain_order="left")
    return good, reject(bad, [c.name for c in contract.columns], key)
