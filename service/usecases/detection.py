"""Step one of the way in: check that the contract is true about where personal data is.

Free text is replaced by its redacted form, the path of a click by its plain steps. A structured column in
which no identifier is declared must hold none: a row in which one is found is rejected as
``undeclared_<type>``, and its values go nowhere. Many such rows in one chunk stop the batch
(``service.usecases.drift``). A column that refers to a reference table holds keys of that table and nulls;
another value rejects the row as ``reference``.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Final

import polars as pl

from audit.entry import Detail
from privacy.pii.columns import undeclared
from privacy.pii.detect import Detector
from privacy.pii.redact import redact
from service.domain.batches import RawBatch, ScannedBatch
from service.domain.contracts import DatasetContract, Role, Surrogates
from service.domain.web_paths import clean_paths
from service.errors import ContractError
from service.ports import Deps
from service.usecases.drift import check_undeclared
from service.usecases.quarantine import reject

_DECLARED: Final = frozenset({Role.SUBJECT_ID, Role.DIRECT_IDENTIFIER, Role.FREE_TEXT, Role.EVENT_TIME})
Codes = Mapping[str, pl.Series]  # by column, the values that it may have


def detector_for(contract: DatasetContract, deps: Deps) -> Detector | None:
    """The detector that the contract names, never another; None for a contract without free text.

    Raises:
        UsageError: the models of its profile are not installed.
        ConflictError: a model file is not the one that was pinned.
    """
    return deps.detector(contract.text_profile) if contract.with_role(Role.FREE_TEXT) else None


def profile_fact(contract: DatasetContract, deps: Deps) -> Detail:
    """What the log says of the detector. Raises as ``detector_for``, so: before anything is begun."""
    return (("text_profile", contract.text_profile.value),) if detector_for(contract, deps) else ()


def codes_of(contract: DatasetContract, deps: Deps) -> Codes:
    """By column the keys of the reference table that it refers to (``service.usecases.reference``).

    Raises:
        ContractError: there is no such table, or it has another key. A dataset of customers is none.
    """
    codes = {}
    for column in contract.columns:
        if column.refers_to:
            table, _, key = column.refers_to.partition(".")
            path = deps.home / "reference" / f"{table}.json"
            document = json.loads(path.read_bytes() if path.is_file() else b"{}")
            if document.get("key") != key:
                raise ContractError("no reference table has this key", column=column.name, table=table)
            codes[column.name] = pl.Series(column.name, document["table"][key], pl.String)
    return codes


def scan_batch(
    batch: RawBatch, detector: Detector | None, row_key: bytes, surrogate_key: bytes, codes: Codes
) -> ScannedBatch:
    """Redact free text, reject rows with undeclared identifiers and with values that are no known codes.

    Args:
        batch: as it came.
        detector: may be None for a contract without free text only.
        row_key: the keyring's ``row-tag`` key.
        surrogate_key: the keyring's ``surrogate`` key; each dataset has a key of its own made from it, so
            that keyed surrogates link nothing between datasets.
        codes: from ``codes_of``.
    """
    paths = [column.name for column in batch.contract.with_role(Role.WEB_PATH)]
    plain = batch.frame.with_columns(clean_paths(batch.frame[name]) for name in paths)
    frame, rejected = _split(plain, batch.contract, row_key, codes)
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


def _split(
    frame: pl.DataFrame, contract: DatasetContract, key: bytes, codes: Codes
) -> tuple[pl.DataFrame, pl.DataFrame]:
    open_keys = [c.name for c in contract.columns if c.role not in _DECLARED and not c.keys]
    found = undeclared(frame, open_keys)
    check_undeclared(found, frame.height)
    rule = pl.concat_str(pl.lit("undeclared_"), pl.col("type").str.to_lowercase()).alias("rule")
    fields = [found.select("_row", "column", rule)]
    for name, known in codes.items():
        lost = frame.drop_nulls(name).join(known.to_frame(), on=name, how="anti", maintain_order="left")
        fields.append(lost.select("_row", column=pl.lit(name), rule=pl.lit("reference")))
    first = pl.concat(fields).unique("_row", keep="first", maintain_order=True)
    bad = frame.join(first, on="_row", how="inner", maintain_order="left")
    good = frame.join(first, on="_row", how="anti", maintain_order="left")
    return good, reject(bad, [c.name for c in contract.columns], key)
