"""Keyed features: what two enrolments of one person have in common, without the values.

Every feature is a 64-bit token, the head of an AES-CMAC under a key that lives as long as one matching run
and is never stored. Equal values give equal tokens; tokens of two runs cannot be compared, and a token
cannot be read back. Likeness is equality too: a value and each form of it with one letter left out have
tokens, so two values one typo apart (a letter wrong, missing, too many, or two swapped) share one.

=============  ==================================================================================
``name``       ``exact``: without spaces and punctuation. ``sound``: its letters in pinyin, sorted,
               so script (traditional, simplified, Latin) and the order of its parts do not matter.
               ``close``: those letters one typo apart
``email``      ``exact``. ``close``: letters one typo apart, digits equal. ``digits``: the other way
               round, worth less: such are also the addresses of namesakes at one provider. ``local``:
               the part before the @
``household``  ``both`` mobile number and address, or one: a family shares them, so they are one
               kind of evidence
``birth``      ``exact``: the birth date, declared or read from the resident id
=============  ==================================================================================

>>> typed = people_frame([(1, {"name": "王小明"}), (2, {"name": "Xiao-Ming WANG"})])
>>> tokens = features(typed, bytes(32)).filter(pl.col("level") == "sound")["token"]
>>> bool(tokens[0] == tokens[1])
True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import polars as pl

from privacy.pii.tables import table
from privacy.pseudonym.blind_index import blind_index

#: Kind of evidence to its levels of agreement, the closest last.
LEVELS: Final[dict[str, tuple[str, ...]]] = {
    "name": ("close", "sound", "exact"),
    "email": ("local", "digits", "close", "exact"),
    "household": ("address", "mobile", "both"),
    "birth": ("exact",),
}
#: No evidence of their own: tokens of two things at once, by which pairs are found.
BLOCK: Final = "block"
_FIELD: Final = pl.Enum([*LEVELS, BLOCK])
_LEVEL: Final = pl.Enum(
    sorted({"birth", "address", *(level for levels in LEVELS.values() for level in levels)})
)
FIELDS: Final = ("cn_resident_id", "name", "mobile", "email", "birth_date", "address")
#: (field, level) of what is one typo apart to the level at which it would be equal.
TYPED: Final = {("name", "close"): "sound", ("email", "close"): "exact", ("email", "digits"): "exact"}
#: Where the typo may be, and the part that must be equal.
_TYPO: Final = (("sound", None), ("letters", "digits"), ("digits", "letters"))
_SHORT: Final = {"sound": 6, "letters": 10, "digits": 3}  # what is shorter has too many neighbours by chance
_NOT_LETTERS: Final = r"[^\p{L}]"
#: Characters that are read otherwise in a family name.
_SURNAMES: Final = table("recognisers/surnames")["readings"]


def people_frame(people: Iterable[tuple[int, Mapping[str, object]]]) -> pl.DataFrame:
    """Identifiers of some people as columns: ``_subject`` and ``FIELDS``, null where there is none."""
    rows = [(subject, *(_text(fields.get(name)) for name in FIELDS)) for subject, fields in people]
    return pl.DataFrame(rows, schema={"_subject": pl.Int64, **dict.fromkeys(FIELDS, pl.String)}, orient="row")


def features(people: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """Tokens of people.

    Args:
        people: from ``people_frame``; identifiers in normal form, the name as it was given.
        key: 32 random bytes of this run.

    Returns:
        ``_subject`` Int64, ``field`` and ``level`` Enum, ``token`` UInt64; distinct rows.
    """
    values = plain(people)
    parts = [_tokens(values, *names, value, key) for names, value in _levels().items()]
    for names, (typed, kept) in zip(TYPED, _TYPO, strict=True):
        value = pl.concat_str(kept, typed, separator="|") if kept else pl.col(typed)
        parts.append(_tokens(_one_left_out(values, typed), *names, value, key))
    return pl.concat(parts).unique(maintain_order=True)


def plain(people: pl.DataFrame) -> pl.DataFrame:
    """The clear values that tokens are made of, one row per person; they never leave the run."""
    mail = pl.col("email")
    values = {
        "name": _folded("name").str.replace_all(_NOT_LETTERS, ""),
        "email": mail,
        "local": mail.str.extract(r"^([^@]+)"),
        "letters": mail.str.replace_all(r"[0-9]", ""),
        "digits": mail.str.replace_all(r"[^0-9]", ""),
        "address": _folded("address").str.replace_all(r"[^\p{L}\p{N}]", ""),
        "birth": pl.coalesce(
            pl.col("cn_resident_id").str.slice(6, 8), pl.col("birth_date").str.replace_all(r"[^0-9]", "")
        ),
    }
    return people.select("_subject", "mobile", sound=_sound(people["name"]), **values)


def _levels() -> dict[tuple[str, str], pl.Expr]:
    return {
        ("name", "exact"): pl.col("name"),
        ("name", "sound"): pl.col("sound"),
        ("email", "exact"): pl.col("email"),
        ("email", "local"): pl.col("local"),
        ("household", "mobile"): pl.col("mobile"),
        ("household", "address"): pl.col("address"),
        ("household", "both"): pl.concat_str("mobile", "address", separator="|"),
        ("birth", "exact"): pl.col("birth"),
        (BLOCK, "birth"): pl.concat_str("sound", "birth", separator="|"),
        (BLOCK, "address"): pl.concat_str("sound", "address", separator="|"),
    }


def _tokens(plain: pl.DataFrame, field: str, level: str, value: pl.Expr, key: bytes) -> pl.DataFrame:
    rows = plain.select("_subject", value=value).filter(pl.col("value").str.len_chars() > 0)
    tags = blind_index(pl.Series([f"{field}:{level}:"]) + rows["value"], key)
    head = tags.bin.slice(0, 8).bin.reinterpret(dtype=pl.UInt64, endianness="little")
    return rows.select("_subject", field=pl.lit(field, _FIELD), level=pl.lit(level, _LEVEL), token=head)


def _one_left_out(plain: pl.DataFrame, column: str) -> pl.DataFrame:
    """One row for the value and for each form of it with one character left out."""
    text, place = pl.col(column), pl.col("_place")
    rows = plain.filter(text.str.len_chars() >= _SHORT[column])
    places = rows.with_columns(_place=pl.int_ranges(0, text.str.len_chars() + 1)).explode("_place")
    return places.with_columns(text.str.slice(0, place) + text.str.slice(place + 1))


def _sound(names: pl.Series) -> pl.Series:
    """Letters of each name in toneless pinyin, sorted; empty where it has none."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415 - slow to import

    plain = names.str.normalize("NFKD").str.to_lowercase().str.replace_all(_NOT_LETTERS, "")
    letters = plain.str.split("").explode().drop_nulls().unique().sort().to_list()
    if not letters:
        return plain
    spelt = {c: _SURNAMES.get(c) or "".join(lazy_pinyin(c)) for c in letters}
    latin = plain.str.replace_many(list(spelt), list(spelt.values()))
    latin = latin.str.replace_all("v", "u", literal=True)  # how a keyboard without umlauts has it
    return latin.str.split("").list.sort().list.join("")


def _folded(column: str) -> pl.Expr:
    return pl.col(column).str.normalize("NFKC").str.to_lowercase()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
