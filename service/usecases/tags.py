"""Whom a log entry is about, told to nobody but the holder of the key.

A tag is keyed BLAKE2b (RFC 7693) of the entry's id, under a key made from the person's storage pseudonym.
Without the keys two entries about a person cannot be linked; with them all of them are found in the log
itself, so the answer does not rest on any index. Once the person's keys are destroyed nobody can make their
tags any more.

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

from audit.canonical import digest
from audit.filestore import write_durably
from service.errors import StorageError, TamperedError

PEOPLE: Final = "people"  # folder of the files, in the data directory
TAG_BYTES: Final = 16
_SHORT: Final = 8  # one false find in 10^13 people looked for in files of a million


def person_key(key: bytes, pseudonym: bytes) -> bytes:
    """The key of a person's tags."""
    return hmac.digest(key, pseudonym, "sha256")


def tag(own: bytes, entry_id: bytes) -> bytes:
    """The tag in hex of a person, by their key, in an entry, by its id in hex."""
    return hashlib.blake2b(entry_id, key=own, digest_size=TAG_BYTES).hexdigest().encode()


def file_people(folder: Path, key: bytes, pseudonyms: Iterable[bytes], entry_id: str) -> str:
    """Write the people of an entry down, durably; returns what the entry says of the file.

    Raises:
        StorageError: the disk is full or not writable.
    """
    name = entry_id.encode()
    tags = sorted({_short(tag(person_key(key, pseudonym), name)) for pseudonym in pseudonyms})
    return file_beside(folder / entry_id, b"".join(tags))


def file_beside(path: Path, data: bytes) -> str:
    """Write a file beside the log, durably; returns what an entry says of it. Raises StorageError."""
    try:
        write_durably({path: data})
    except OSError as error:
        raise StorageError("the file cannot be written", cause=error.strerror or "") from None
    return digest(data)


def is_about(folder: Path, key: bytes, pseudonyms: Iterable[bytes]) -> Callable[[bytes, bytes, bytes], bool]:
    """A test of entries, by id and tag in hex, and file: is it about one of these people?

    Raises, when it is called:
        TamperedError: the file of an entry is missing or not the one that the entry names.
    """
    keys = [person_key(key, pseudonym) for pseudonym in pseudonyms]

    def test(entry_id: bytes, found: bytes, people: bytes) -> bool:
        if found:
            return found in [tag(own, entry_id) for own in keys]
        path = folder / entry_id.decode()
        data = path.read_bytes() if path.exists() else b""
        if digest(data) != people.decode():
            raise TamperedError("the people of an entry are not what it says", entry=entry_id.decode())
        return any(_holds(data, _short(tag(own, entry_id))) for own in keys)

    return test


def _short(found: bytes) -> bytes:
    return bytes.fromhex(found.decode())[:_SHORT]


def _holds(data: bytes, short: bytes) -> bool:
    places = range(len(data) // _SHORT)
    at = bisect_left(places, short, key=lambda place: data[place * _SHORT : (place + 1) * _SHORT])
    return data[at * _SHORT : (at + 1) * _SHORT] == short
