"""Whom a log entry is about, told to nobody but the holder of the key.

A tag is HMAC-SHA256 of the person's storage pseudonym and the entry's id. Without the key two entries about
a person cannot be linked; with it, and the person's keys, all of them are found in the log itself, so the
answer does not rest on any index. Once the person's keys are destroyed nobody can make their tags any more.

Of a person the entry holds the tag; of many, the digest of a file of their shortened tags, sorted, beside the
log: they are looked up in it, and a file that was changed is noticed.
"""

from __future__ import annotations

import hashlib
import hmac
from bisect import bisect_left
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from audit.filestore import write_durably
from service.errors import StorageError, TamperedError

PEOPLE: Final = "people"  # folder of the files, in the data directory
TAG_BYTES: Final = 16
_SHORT: Final = 8  # one false find in 10^13 people looked for in files of a million
_PREFIX: Final = "sha256:"


def tag(key: bytes, pseudonym: bytes, entry_id: str) -> bytes:
    """The tag of a person in an entry."""
    return hmac.digest(key, pseudonym + bytes.fromhex(entry_id), "sha256")[:TAG_BYTES]


def file_people(folder: Path, key: bytes, pseudonyms: Iterable[bytes], entry_id: str) -> str:
    """Write the people of an entry down, durably; returns what the entry says of the file.

    Raises:
        StorageError: the disk is full or not writable.
    """
    tags = sorted({tag(key, pseudonym, entry_id)[:_SHORT] for pseudonym in pseudonyms})
    data = b"".join(tags)
    try:
        write_durably({folder / entry_id: data})
    except OSError as error:
        raise StorageError("the file cannot be written", cause=error.strerror or "") from None
    return _PREFIX + hashlib.sha256(data).hexdigest()


def is_about(folder: Path, key: bytes, pseudonyms: Iterable[bytes]) -> Callable[[str, str, str], bool]:
    """A test of entries, by id, tag in hex and file: is it about one of these people?

    Raises, when it is called:
        TamperedError: the file of an entry is missing or not the one that the entry names.
    """
    wanted = tuple(pseudonyms)

    def test(entry_id: str, tag_hex: str, people: str) -> bool:
        tags = [tag(key, pseudonym, entry_id) for pseudonym in wanted]
        if tag_hex:
            return bytes.fromhex(tag_hex) in tags
        try:
            data = (folder / entry_id).read_bytes()
        except FileNotFoundError:
            data = None
        if data is None or _PREFIX + hashlib.sha256(data).hexdigest() != people:
            raise TamperedError("the people of an entry are not what it says", entry=entry_id)
        return any(_holds(data, each[:_SHORT]) for each in tags)

    return test


def _holds(data: bytes, short: bytes) -> bool:
    places = range(len(data) // _SHORT)
    at = bisect_left(places, short, key=lambda place: data[place * _SHORT : (place + 1) * _SHORT])
    return data[at * _SHORT : (at + 1) * _SHORT] == short
