"""Redaction of columns: keyed surrogates by dataset, numbered ones by default."""

import re
from dataclasses import replace

import polars as pl

from privacy.pii.detect import build_detector
from service.domain.batches import REJECTED, RawBatch
from service.domain.contracts import Column, DatasetContract, Kind, Role, Surrogates
from service.usecases.detection import redacted, scan_batch

TEXTS = ["手机13912345678", "回拨139-1234-5678", "手机13912345678", None, "满意"]
CONTRACT = DatasetContract(
    name="notes", version="1.0.0", title="", purposes=("service_improvement",),
    retention_class="service_note",
    creates_subjects=False, row_per_subject=False, digest="sha256:0",
    columns=(Column("text", Role.FREE_TEXT, Kind.STRING, "C2", required=False),),
)  # fmt: skip


def _scanned(name: str, surrogates: Surrogates, key: bytes = bytes(32)) -> list[str | None]:
    column = replace(CONTRACT.columns[0], surrogates=surrogates)
    contract = replace(CONTRACT, name=name, columns=(column,))
    frame = pl.DataFrame({"text": TEXTS}).with_row_index("_row", 1)
    batch = RawBatch("b", contract, frame, pl.DataFrame(schema=REJECTED))
    return scan_batch(batch, build_detector(), bytes(32), key, {}).frame["text"].to_list()


def test_numbered_surrogates_are_the_default() -> None:
    assert _scanned("notes", Column("t", Role.FREE_TEXT, Kind.STRING, "C2").surrogates) == [
        "手机[PHONE_NUMBER_1]", "回拨[PHONE_NUMBER_1]", "手机[PHONE_NUMBER_1]", None, "满意",
    ]  # fmt: skip


def test_keyed_surrogates_join_a_value_within_a_dataset_and_nowhere_else() -> None:
    first, second, *_ = _scanned("notes", Surrogates.KEYED)
    other, *_ = _scanned("complaints", Surrogates.KEYED)
    rekeyed, *_ = _scanned("notes", Surrogates.KEYED, bytes([1] * 32))
    assert first is not None
    assert second is not None
    assert re.fullmatch(r"手机\[PHONE_NUMBER_[A-Z2-7]{10}\]", first)
    assert first.removeprefix("手机") == second.removeprefix("回拨")
    assert len({first, other, rekeyed}) == 3


def test_a_column_in_which_nothing_is_found_comes_back_as_it_was() -> None:
    texts = pl.Series("t", ["满意", None, "满意"])
    assert redacted(texts, build_detector()).to_list() == texts.to_list()
    assert redacted(pl.Series("t", [], dtype=pl.String), build_detector()).is_empty()
