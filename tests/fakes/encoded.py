"""The text of a small file that is held in memory."""

from __future__ import annotations

from typing import NamedTuple

from service.adapters.connectors.encodings import decide_encoding, text_of


class Decoded(NamedTuple):
    """Text without byte order mark, and the encoding it was in."""

    text: str
    encoding: str


def decode_text(data: bytes, named: str = "") -> Decoded:
    """The text of a small file; see ``decide_encoding``. Raises ContractError."""
    encoding = decide_encoding(lambda: [data], named)
    return Decoded("".join(text_of([data], encoding)), encoding)
