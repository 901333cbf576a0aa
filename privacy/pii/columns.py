"""Identifiers in structured columns that declare none: every cell is looked at.

A cheap vectorised filter leaves the few distinct values that could hold an identifier, the validators judge those.
Only strict evidence counts here, because a hit quarantines the row: a checksum, an e-mail address, or a mobile number
that is not part of a longer token. An integer column whose numbers happen to look like mobiles here and there is a
column of amounts; it counts as mobiles when a third of its values do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from privacy.pii.findings import VALIDATED, arbitrate
from privacy.pii.normalise_text import fold
from privacy.pii.recognisers import cn_bank_card, cn_credit_code, cn_phone, cn_resident_id, email
from privacy.pii.recognisers.rule import SEPARATORS

_SCHEMA: Final = pl.Schema({"_row": pl.UInt32(), "column": pl.String(), "type": pl.String()})
#: Rust regex, linear: an at sign, or eleven digits with single separators, in any script; or a credit code.
_MAYBE: Final = r"[@\uFF20\uFE6B]|(?:\p{Nd}[\p{Cf}\s\p{Pd}.]{0,3}){11}|[0-9A-Za-z\uFF10-\uFF5A]{18}"
_RULES: Final = (cn_resident_id.RULE, cn_bank_card.RULE, cn_credit_code.RULE, email.RULE)
_MOBILE: Final = re.compile(
    r"(?<![0-9A-Za-z_\-.])(?:(?:\+|00)?86[ \-]?)?1[3-9][0-9][ \-]?[0-9]{4}[ \-]?[0-9]{4}(?![0-9A-Za-z_\-]|\.[0-9])"
)
_SHARE: Final = 1 / 3


def _types(value: str) -> Iterator[str]:
    """Entity types that a cell certainly holds."""
    text = fold(value).text
    spans = [s for rule in _RULES for s in rule.find(text) if s.score == VALIDATED]
    yield from {s.type for s in arbitrate(spans, text)}
    if _MOBILE.search(text):
        yield "PHONE_NUMBER"


def _of_column(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """``_row``, ``column``, ``type`` of the hits in one column of strings or integers."""
    is_number = frame.schema[name].is_integer()
    cells = frame.select("_row", pl.col(name).cast(pl.String).alias("value")).drop_nulls("value")
    distinct = cells["value"].unique()
    maybe = distinct.filter(distinct.str.contains(_MAYBE))
    hits = [(value, kind) for value in maybe for kind in _types(value)]
    found = pl.DataFrame(hits, schema={"value": pl.String, "type": pl.String}, orient="row")
    rows = cells.join(found, on="value").select("_row", pl.lit(name).alias("column"), "type")
    if is_number:
        mobiles = rows.filter(pl.col("type") == "PHONE_NUMBER").height
        if mobiles < _SHARE * cells.height:
            rows = rows.filter(pl.col("type") != "PHONE_NUMBER")
    return rows


def undeclared(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Validated identifiers where no identifier is declared.

    Args:
        frame: any frame; rows are numbered by its ``_row`` column, from 1 if it has none.
        columns: names of columns that declare no identifier. Only string, categorical and integer columns are
            scanned: dates and floating-point numbers hold none.

    Returns:
        One line per row, column and type: ``_row`` UInt32, ``column`` String, ``type`` String (entity type),
        sorted by row.
    """
    if "_row" not in frame.columns:
        frame = frame.with_row_index("_row", offset=1)
    scanned = [
        _of_column(frame, name)
        for name in columns
        if frame.schema[name].is_integer() or frame.schema[name] in {pl.String, pl.Categorical, pl.Enum}
    ]
    if not scanned:
        return pl.DataFrame(schema=_SCHEMA)
    return pl.concat(scanned).cast(dict(_SCHEMA)).unique().sort("_row", "column", "type")
