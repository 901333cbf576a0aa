"""The one admitted spelling of numbers, base64 and JSON: what would not be printed so is not read.

>>> decode64(encode64(b"ab"), "example")
b'ab'
>>> decode_json(b'{"a":1}', "example")
{'a': 1}
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import Final

from audit.errors import FormatError

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def encode64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4)."""
    return base64.b64encode(data).decode("ascii")


def decode64(text: str, what: str) -> bytes:
    """The inverse of ``encode64``: no white space, no missing padding, no stray bits. Raises FormatError."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(what, "base64") from error
    if encode64(data) != text:
        raise FormatError(what, "base64 is not canonical")
    return data


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
    try:
        value: object = json.loads(data.decode())
        if encode_json(value) != data:
            raise FormatError(what, "JSON is not canonical")
    except (ValueError, RecursionError) as error:
        raise FormatError(what, "JSON is malformed or not canonical") from error
    return value


def decode_text(data: bytes, what: str) -> str:
    """UTF-8 text. Raises FormatError."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise FormatError(what, "UTF-8") from error


def digest(data: bytes) -> str:
    """SHA-256 in the form that entries carry in ``payload``: ``sha256:`` and lower-case hex."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
