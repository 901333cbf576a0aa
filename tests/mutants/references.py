"""Checks of references with a seeded bug each; signature of ``service.usecases.detection.scan_batch``."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from privacy.pii.detect import Detector
from service.domain.batches import RawBatch, ScannedBatch
from service.usecases.detection import Codes, scan_batch


def looks_nothing_up(
    batch: RawBatch, detector: Detector | None, row_key: bytes, surrogate_key: bytes, codes: Codes
) -> ScannedBatch:
    """Takes every value."""
    none: Codes = {} if codes else codes
    return scan_batch(batch, detector, row_key, surrogate_key, none)


def takes_null_for_a_value(
    batch: RawBatch, detector: Detector | None, row_key: bytes, surrogate_key: bytes, codes: Codes
) -> ScannedBatch:
    """Wants null to be in the table too."""
    frame = batch.frame.with_columns(pl.col(name).fill_null("") for name in codes)
    return scan_batch(replace(batch, frame=frame), detector, row_key, surrogate_key, codes)


def looks_at_the_first_column_only(
    batch: RawBatch, detector: Detector | None, row_key: bytes, surrogate_key: bytes, codes: Codes
) -> ScannedBatch:
    """Forgets that several columns may refer."""
    first = dict(list(codes.items())[:1])
    return scan_batch(batch, detector, row_key, surrogate_key, first)


MUTANTS = (looks_nothing_up, takes_null_for_a_value, looks_at_the_first_column_only)
