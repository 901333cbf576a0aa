"""What an act was about in words or values: sealed in a file beside the log, and lost with the person.

The entry has the digest of the file in ``payload`` and ``payload: sealed`` among its details; the file is
``sealed/<entry id>``, durable before the entry: 32 bytes that commit to the key, then canonical JSON in a box
of ``privacy.keys.envelope``. Key and commitment come from the person's own data key and the entry's id: only
that data key tells to whom a file belongs, and once an erasure has destroyed it nothing opens the file, nor
any copy of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from audit.canonical import decode_json, digest, encode_json
from audit.entry import Entry
from privacy.errors import SealBrokenError
from privacy.keys.envelope import open_sealed, seal
from service.domain.requests import RequestState, Right
from service.errors import TamperedError
from service.ports import Deps
from service.usecases.persons import parts
from service.usecases.tags import PEOPLE, file_beside, is_about, person_key, tag

SEALED: Final = "sealed"  # folder of the files, in the data directory
MARK: Final = ("payload", "sealed")  # the detail of an entry that has one
_KEY: Final = 32


def seal_payload(subject: int, content: Mapping[str, object], entry_id: str, deps: Deps) -> tuple[bytes, str]:
    """Write the payload of an entry, durably; returns whom the entry is about and the file's digest.

    Raises:
        UnknownError: the subject's keys are destroyed.
        StorageError: the disk is full or not writable.
    """
    key, commitment = _keys(deps.vault.derive(subject, SEALED), entry_id)
    box = seal(key, encode_json(content), subject=subject, data_class=entry_id, schema=1)
    pseudonym = bytes(deps.vault.pseudonyms([subject]).item(0, "_sp"))
    return pseudonym, file_beside(deps.home / SEALED / entry_id, commitment + box)


def owner(entry: Entry, deps: Deps, subjects: Sequence[int] | None = None) -> tuple[int, bytes]:
    """To whom of the named, or of all living, a payload belongs, with their pseudonym; 0 for nobody."""
    key, name = deps.keyring.derive("subject-tag"), entry.id.encode()
    people = deps.vault.pseudonyms(subjects if MARK in entry.detail else ())["_subject", "_sp"].iter_rows()
    return next((one for one in people if tag(person_key(key, one[1]), name) == entry.tag.encode()), (0, b""))


def read_payload(entry: Entry, subject: int, deps: Deps) -> Any:
    """The payload of an entry about a subject.

    Raises:
        TamperedError: the file is missing, or not the one that the entry names.
        UnknownError: the subject's keys are destroyed.
    """
    data, (key, commitment) = _read(entry, deps), _keys(deps.vault.derive(subject, SEALED), entry.id)
    box = data[_KEY:] if data[:_KEY] == commitment else b""
    try:
        return decode_json(open_sealed(key, box, subject=subject, data_class=entry.id, schema=1), SEALED)
    except SealBrokenError:
        raise TamperedError("the payload of an entry does not open", entry=entry.id) from None


def find_payload(entry: Entry, subjects: Sequence[int], deps: Deps) -> dict[str, object]:
    """``sealed``: the payload of an entry about one of the subjects; nothing where it has none."""
    subject, _ = owner(entry, deps, subjects)
    return {SEALED: read_payload(entry, subject, deps)} if subject else {}


def remove_payloads(subjects: Sequence[int], deps: Deps) -> int:
    """Remove the files of these subjects; returns how many.

    Those that no entry names too, and those that lie under the name of another of these files.
    """
    own, heads = [deps.vault.derive(subject, SEALED) for subject in subjects], dict[Path, bytes]()
    for path in (deps.home / SEALED).glob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):  # another's got its name, or went, meanwhile
            heads[path] = path.read_bytes()[:_KEY]
    theirs = {_keys(one, path.stem)[1] for one in own for path in heads}
    mine = [path for path, head in heads.items() if head in theirs]
    for path in mine:
        path.unlink(missing_ok=True)
    return len(mine)


def check_payloads(deps: Deps) -> dict[str, int]:
    """Hold every file against its entry.

    Returns:
        Numbers of ``payloads`` that are there, of those ``payloads_erased`` with their person, and of files
        ``payloads_unnamed``: their entry is on its way, or the process died before it wrote one.

    Raises:
        TamperedError: one is not what its entry names, or is missing and its person is neither erased nor
            being erased.
    """
    tagged = deps.audit.tagged(lambda _id, whom, _people: bool(whom))
    entries = {entry.id: entry for _, entry in tagged if MARK in entry.detail}
    named, found = entries.keys(), {path.name for path in (deps.home / SEALED).glob("*")}
    gone, key = named - found, deps.keyring.derive("subject-tag")
    is_living = is_about(deps.home / PEOPLE, key, _staying(deps) if gone else ())
    for name, entry in entries.items():
        if name in found or is_living(name.encode(), entry.tag.encode(), b""):
            _read(entry, deps)
    here, unnamed = len(named & found), len(found - named)
    return {"payloads": here, "payloads_erased": len(gone), "payloads_unnamed": unnamed}


def _staying(deps: Deps) -> list[bytes]:
    """Pseudonyms of the living, but for those whose erasure has begun."""
    with deps.ops() as tx:
        running = [r for r in tx.requests.all() if r.state is RequestState.RUNNING]
    going = {part for r in running if r.right is Right.ERASURE for part in parts(r.subject, deps)}
    people = deps.vault.pseudonyms()["_subject", "_sp"].iter_rows()
    return [pseudonym for subject, pseudonym in people if subject not in going]


def _keys(own: bytes, entry_id: str) -> tuple[bytes, bytes]:
    """The key of one payload, and what commits to it and is not secret."""
    both = hashlib.blake2b(entry_id.encode(), key=own, digest_size=2 * _KEY).digest()
    return both[:_KEY], both[_KEY:]


def _read(entry: Entry, deps: Deps) -> bytes:
    """The file of an entry. Raises TamperedError when it is missing, or not what the entry names."""
    path = deps.home / SEALED / entry.id
    data = path.read_bytes() if path.exists() else b""
    if digest(data) != entry.payload:
        raise TamperedError("the payload of an entry is not what it says", entry=entry.id)
    return data
