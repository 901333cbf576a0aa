"""Paths of pages without what names a person: the form in which a click is stored.

Scheme, host, query and fragment go, as they hold session keys, search terms and addresses. Of the path only
steps stay that are plainly words of a route: Latin letters, in lower or camel case, perhaps with parts joined
by ``-``, ``_`` or ``.`` and a number of one or two digits at the end. Every other step is ``:id``: numbers,
e-mail addresses, tokens, text in other scripts. Percent-encoding is undone first, also where it was applied
twice.

A name that a route spells in lower-case letters (``/people/anna``) looks like a word and stays: such a route
is no source of clicks.

>>> clean_paths(pl.Series(["https://bank.example/cards/6222021234567890?t=1", "/search/%E5%BC%A0"])).to_list()
['/cards/:id', '/search/:id']
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

import polars as pl

MAX_STEPS: Final = 12
MARK: Final = ":id"
_ROUNDS: Final = 4
_ESCAPE: Final = "%[0-9A-Fa-f]{2}"
_HOST: Final = r"^\s*(?:[A-Za-z][A-Za-z0-9+.\-]*:)?(?://[^/?#]*)?"
_REST: Final = r"(?s)[?#].*$"
_WORD: Final = r"[A-Z]?[a-z]{1,20}(?:[A-Z][a-z]{2,20}){0,3}"
_STEP: Final = rf"^{_WORD}(?:[\-_.]{_WORD}){{0,3}}[\-_]?[0-9]{{0,2}}$"


def clean_paths(values: pl.Series) -> pl.Series:
    """The paths of addresses or paths; null stays null, anything else begins with ``/``."""
    raw = values.unique(maintain_order=True).drop_nulls()
    if raw.is_empty():
        return values
    return values.replace_strict(raw, _clean(_decoded(raw)), return_dtype=pl.String)


def _decoded(raw: pl.Series) -> pl.Series:
    """Without percent-encoding. What is still encoded after some rounds is no word and does not stay."""
    text = raw
    for _ in range(_ROUNDS):
        coded = text.str.contains(_ESCAPE)
        if not coded.any():
            break
        text = text.zip_with(~coded, text.map_elements(unquote, return_dtype=pl.String))
    return text


def _clean(text: pl.Series) -> pl.Series:
    step = pl.element()
    steps = (
        pl.col("text")
        .str.replace_all("\\", "/", literal=True)
        .str.replace(_HOST, "")
        .str.replace(_REST, "")
        .str.split("/")
        .list.eval(pl.when(step.str.contains(_STEP)).then(step).otherwise(pl.lit(MARK)).filter(step != ""))
        .list.head(MAX_STEPS)
    )
    return text.alias("text").to_frame().select("/" + steps.list.join("/")).to_series()
