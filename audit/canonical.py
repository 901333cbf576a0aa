"""The one admitted spelling of numbers, base64 and JSON: what would not be printed so is not read.

>>> decode64(encode64(b"ab"), "example")
b'ab'
>>> decode_json(b'{"a":1}', "example")
{'a': 1}
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Final, TypeVar

from audit.errors import FormatError

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
S = TypeVar("S", str, bytes)
T = TypeVar("T")


def read_exact(data: S, what: str, parse: Callable[[S], T], form: Callable[[T], S]) -> T:
    """Parse, then refuse every spelling but the one that ``form`` gives. Raises FormatError naming ``what``.

    So ``parse`` need only find the parts, and may fail as Python does; ``form`` decides what is well spelt.
    """
    try:
        value = parse(data)
        same = form(value) == data
    except FormatError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise FormatError(what, "malformed") from error
    if not same:
        raise FormatError(what, "spelling")
    return value


def encode64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4)."""
    return base64.b64encode(data).decode("ascii")


def decode64(text: str, what: str) -> bytes:
    """The inverse of ``encode64``: no white space, no missing padding, no stray bits. Raises FormatError."""
    return read_exact(text, what, base64.b64decode, encode64)


def decode_number(text: str, what: str) -> int:
    """A decimal below 10**19 without sign or leading zero. Raises FormatError."""
    if not _NUMBER.fullmatch(text):
        raise FormatError(what, "decimal number")
    return int(text)


def encode_json(value: object) -> bytes:
    """Compact JSON in UTF-8, keys sorted. Raises FormatError for what JSON cannot hold."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise FormatError("json", "value cannot be written") from error


def decode_json(data: bytes, what: str) -> object:
    """The inverse of ``encode_json``; duplicate keys, any other spelling raise FormatError."""
    return read_exact(data, what, json.loads, encode_json)


def digest(data: bytes) -> str:
    """SHA-256 in the form that entries carry in ``payload``: ``sha256:`` and lower-case hex."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
