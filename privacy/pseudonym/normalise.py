"""Normal forms of identifiers: the same person must give the same bytes, and nonsense must give nothing.

All work is done on whole columns. Every value first goes through Unicode NFKC (full-width digits and letters
become plain ones) and is trimmed. What is then not a valid identifier of its type becomes null:

===================  ==============================================================================
``cn_resident_id``   18 characters, real birth date, checksum of GB 11643-1999; ``x`` becomes ``X``
``mobile``           E.164: ``+8613800000000``; separators and the prefixes 0086, 86 are understood
``email``            lower case, one ``@``, a dotted domain, at most 254 characters
``bank_card``        12 to 19 digits without separators, Luhn check digit (ISO/IEC 7812-1)
``name``             case folded, inner white space made one space; 1 to 100 characters
``birth_date``       ISO 8601 date, ``19800131`` and ``1980/1/31`` are understood; from 1900
``address``          as ``name``; 3 to 200 characters
===================  ==============================================================================

>>> import polars as pl
>>> normalise(pl.Series(["138-0000-0000", "12345"]), "mobile").to_list()
['+8613800000000', None]
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import polars as pl

from privacy.errors import UnknownIdentifierTypeError

#: Bump when a normal form changes: blind indexes made before no longer match.
VERSION: Final = 1

#: Types that identify a person by themselves; a name does not.
IDENTIFYING: Final = ("cn_resident_id", "mobile", "email", "bank_card")

_ID_WEIGHTS: Final = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], np.int64)
_ID_CHECKS: Final = np.frombuffer(b"10X98765432", np.uint8)
_CARD_DIGITS: Final = 19
_EMAIL_LENGTH: Final = 254  # RFC 5321
_ZERO: Final = ord("0")


def normalise(values: pl.Series, id_type: str) -> pl.Series:
    """Normal form of every value; null where the value is null or not valid.

    Args:
        values: String series.
        id_type: one of the types above.

    Returns:
        String series of the same length and name.

    Raises:
        UnknownIdentifierTypeError: no such type.
    """
    rule = _RULES.get(id_type)
    if rule is None:
        raise UnknownIdentifierTypeError(id_type)
    plain = values.cast(pl.String).str.normalize("NFKC").str.strip_chars()
    return rule(plain).alias(values.name)


def _keep(values: pl.Series, valid: pl.Series) -> pl.Series:
    """Null where not valid."""
    frame = pl.DataFrame({"value": values, "valid": valid.fill_null(value=False)})
    return frame.select(pl.when("valid").then("value")).to_series()


def _cn_resident_id(values: pl.Series) -> pl.Series:
    upper = values.str.to_uppercase()
    shaped = _keep(upper, upper.str.contains(r"^[0-9]{17}[0-9X]$"))
    born = shaped.str.slice(6, 8).str.to_date("%Y%m%d", strict=False)
    candidate = _keep(shaped, born.is_not_null())
    rows = candidate.is_not_null().arg_true()
    if not len(rows):
        return candidate
    digits = _digits(candidate.gather(rows), 18)
    right = _ID_CHECKS[(digits[:, :17] @ _ID_WEIGHTS) % 11] == digits[:, 17] + _ZERO
    return _keep(candidate, _mask(len(values), rows, right))


def _mobile(values: pl.Series) -> pl.Series:
    bare = values.str.replace_all(r"[\s()\-.]", "")
    intl = bare.str.replace(r"^00", "+").str.replace(r"^(?:\+?86)?(1[3-9][0-9]{9})$", "+86${1}")
    chinese = intl.str.contains(r"^\+861[3-9][0-9]{9}$")
    abroad = intl.str.contains(r"^\+[1-9][0-9]{6,14}$") & ~intl.str.starts_with("+86")
    return _keep(intl, chinese | abroad)


def _email(values: pl.Series) -> pl.Series:
    lower = values.str.to_lowercase()
    shape = r"^[^\s@\x00-\x1f\"(),:;<>\[\\\]]{1,64}@[^\s@.\x00-\x20]+(?:\.[^\s@.\x00-\x20]+)+$"
    return _keep(lower, lower.str.contains(shape) & (lower.str.len_chars() <= _EMAIL_LENGTH))


def _bank_card(values: pl.Series) -> pl.Series:
    bare = values.str.replace_all(r"[\s\-]", "")
    candidate = _keep(bare, bare.str.contains(r"^[0-9]{12,19}$"))
    rows = candidate.is_not_null().arg_true()
    if not len(rows):
        return candidate
    digits = _digits(candidate.gather(rows).str.zfill(_CARD_DIGITS), _CARD_DIGITS)
    doubled = digits[:, -2::-2] * 2
    total = digits[:, ::-2].sum(axis=1) + (doubled // 10 + doubled % 10).sum(axis=1)
    return _keep(candidate, _mask(len(values), rows, (total % 10 == 0) & (digits.any(axis=1))))


def _words(values: pl.Series, *, least: int, most: int) -> pl.Series:
    folded = values.str.to_lowercase().str.replace_all(r"\s+", " ")
    return _keep(folded, folded.str.len_chars().is_between(least, most))


def _birth_date(values: pl.Series) -> pl.Series:
    parts = values.str.extract_groups(r"^((?:19|20)[0-9]{2})[-/.]?([0-9]{1,2})[-/.]?([0-9]{1,2})$")
    text = parts.struct.rename_fields(["y", "m", "d"]).to_frame("p").unnest("p")
    joined = text.select(pl.concat_str("y", pl.col("m", "d").str.zfill(2), separator="-")).to_series()
    return joined.str.to_date("%Y-%m-%d", strict=False).dt.to_string("%Y-%m-%d")


def _digits(values: pl.Series, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Null-free ASCII values of one width as numbers; a letter gives its distance from ``0``."""
    raw = values.cast(pl.Binary).bin.reinterpret(dtype=pl.Array(pl.UInt8, width)).to_numpy()
    return raw.astype(np.int64) - _ZERO


def _mask(height: int, rows: pl.Series, flags: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pl.Series:
    whole = np.zeros(height, np.bool_)
    whole[rows.to_numpy()] = flags
    return pl.Series(whole)


_RULES: Final[dict[str, Callable[[pl.Series], pl.Series]]] = {
    "cn_resident_id": _cn_resident_id,
    "mobile": _mobile,
    "email": _email,
    "bank_card": _bank_card,
    "name": partial(_words, least=1, most=100),
    "birth_date": _birth_date,
    "address": partial(_words, least=3, most=200),
}
