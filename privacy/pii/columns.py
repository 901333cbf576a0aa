r"""Identifiers in structured columns that declare none: every cell is looked at.

A vectorised filter leaves the few distinct values that could hold an identifier, the validators judge those.
Only strict evidence counts, because a hit quarantines the row: a checksum, an e-mail address, or a mobile
number that is no part of a longer token. An integer column whose numbers look like mobiles here and there is
a column of amounts; it counts as mobiles when a third of its values do. Names, and identifiers that one
code in ten resembles (short card numbers, credit codes, Hong Kong and Taiwan ids), are left to the contract.

Three more kinds of values are found that no dataset may hold, whatever its columns are called: positions
(``GEO_POINT``), profiles in social networks (``SOCIAL_PROFILE``), pages of online shops (``SHOPPING_PAGE``).

>>> undeclared(pl.DataFrame({"note": ["ok", "119900199003078537", "20240101"]}), ["note"]).rows()
[(2, 'note', 'CN_ID_CARD')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from privacy.pii.findings import VALIDATED, Span, arbitrate
from privacy.pii.normalise_text import fold
from privacy.pii.recognisers import accounts, documents, online
from privacy.pii.tables import table

_SCHEMA: Final = pl.Schema({"_row": pl.UInt32(), "column": pl.String(), "type": pl.String()})
_RULES: Final = (documents.RESIDENT_ID, accounts.BANK_CARD, online.EMAIL)
_MOBILE: Final = re.compile(
    r"(?<![0-9A-Za-z_\-.])(?:(?:\+|00)?86[ \-]?)?"
    r"1[3-9][0-9][ \-]?[0-9]{4}[ \-]?[0-9]{4}(?![0-9A-Za-z_\-]|\.[0-9])"
)
#: What the rules could accept, coarser, for polars (linear, no look-around).
_MAYBE: Final = (
    r"@|[1-9](?:[ \t.\-]{0,2}[0-9]){14}"
    r"|(?:^|[^0-9A-Za-z_.])(?:(?:\+|00)?86[ \-]?)?1[3-9][0-9][ \-]?[0-9]{4}[ \-]?[0-9]{4}(?:$|[^0-9A-Za-z_])"
)
#: Text beyond ASCII is folded only later, so an at sign or eleven digits of any script are enough.
_MAYBE_FOLDED: Final = r"[@\uFF20\uFE6B]|(?:\p{Nd}\P{Nd}{0,3}){11}"
_COORDINATE: Final = r"[+\-]?[0-9]{1,3}\.[0-9]{3,}"


def _page_of(kind: str) -> str:
    """The address of a page below one of the hosts of a kind, whatever its country."""
    hosts = "".join(table("columns")["hosts"][kind])
    return rf"(?i:(?:^|[^a-z0-9\-])(?:{hosts})\.(?:com|net|[a-z]{{2}})(?:\.[a-z]{{2}})?/[^/\s])"


#: What no dataset may hold, by its looks.  # PIPL 6, 28
_REFUSED: Final = {
    "GEO_POINT": rf"(?:^|[^0-9.]){_COORDINATE}\s*[°NSns]?\s*[,;/|\s]\s*{_COORDINATE}(?:$|[^0-9.])"
    r"|[0-9]\s*°\s*[0-9.]+\s*['′]|(?i:POINT\s?Z?\s?\(|\"coordinates\")",
    "SOCIAL_PROFILE": _page_of("SOCIAL_PROFILE") + r"|(?i:(?:^|[^a-z0-9])wxid_[a-z0-9]{6})",
    "SHOPPING_PAGE": _page_of("SHOPPING_PAGE"),
}
_SHARE: Final = 1 / 3
_CARD_LENGTH: Final = 15


def _is_strict(span: Span) -> bool:
    too_short = span.type == "CN_BANK_CARD" and span.end - span.start < _CARD_LENGTH
    return span.score == VALIDATED and not too_short


def _types(value: str) -> Iterator[str]:
    """Entity types that a cell certainly holds."""
    text = fold(value).text
    spans = filter(_is_strict, (span for rule in _RULES for span in rule.find(text)))
    yield from {span.type for span in arbitrate(spans, text)}
    if _MOBILE.search(text):
        yield "PHONE_NUMBER"


def _of_column(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """``_row``, ``column``, ``type`` of the hits in one column of strings or integers."""
    cells = frame.select("_row", pl.col(name).cast(pl.String).alias("value")).drop_nulls("value")
    distinct = cells["value"].unique()
    is_ascii = distinct.str.len_bytes() == distinct.str.len_chars()
    maybe = distinct.filter(
        (is_ascii & distinct.str.contains(_MAYBE)) | (~is_ascii & distinct.str.contains(_MAYBE_FOLDED))
    )
    hits = [(value, kind) for value in maybe for kind in _types(value)]
    if not frame.schema[name].is_integer():
        plain = distinct if is_ascii.all() else distinct.str.normalize("NFKC")
        some = plain.str.contains("|".join(_REFUSED.values()))
        for kind, pattern in _REFUSED.items():
            held = plain.filter(some).str.contains(pattern)
            hits += [(value, kind) for value in distinct.filter(some).filter(held)]
    found = pl.DataFrame(hits, schema={"value": pl.String, "type": pl.String}, orient="row")
    rows = cells.join(found, on="value").select("_row", pl.lit(name).alias("column"), "type")
    is_mobile = pl.col("type") == "PHONE_NUMBER"
    if frame.schema[name].is_integer() and rows.filter(is_mobile).height < _SHARE * cells.height:
        return rows.filter(~is_mobile)
    return rows


def _is_scanned(kind: pl.DataType) -> bool:
    return kind.is_integer() or isinstance(kind, pl.String | pl.Categorical | pl.Enum)


def undeclared(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Validated identifiers where no identifier is declared.

    Args:
        frame: any frame; rows are numbered by its ``_row`` column, from 1 if it has none.
        columns: names of columns that declare no identifier. Only string, categorical and integer columns
            are scanned: dates and floating-point numbers hold none.

    Returns:
        One line per row, column and type: ``_row`` UInt32, ``column`` String, ``type`` String (entity type),
        sorted by row.
    """
    if "_row" not in frame.columns:
        frame = frame.with_row_index("_row", offset=1)
    scanned = [_of_column(frame, name) for name in columns if _is_scanned(frame.schema[name])]
    if not scanned:
        return pl.DataFrame(schema=_SCHEMA)
    found = pl.concat(scanned).with_columns(pl.col("_row").cast(pl.UInt32))
    return found.unique().sort("_row", "column", "type")
