"""Questions to the log: which entries meet a filter, which are about one person, what is sealed beside one.

All are entries themselves, durable before anything is shown. What a filter finds is found by the index; who
accessed a person is found by reading all of the log and making the person's tag for each entry, so that an
entry that an index forgot, or was made to forget, is found too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from audit.entry import Entry
from audit.evidence import Place
from audit.export import FORMATS
from service.domain.actors import Actor
from service.domain.logs import Head
from service.errors import ConflictError, UnknownError
from service.ports import Deps, EntryFilter
from service.usecases.access import authorise
from service.usecases.audience import normal_identifier, storage_pseudonym, subject_with
from service.usecases.payloads import MARK, owner, read_payload
from service.usecases.persons import parts
from service.usecases.retention import check_pruned
from service.usecases.tags import PEOPLE, is_about

Found = tuple[tuple[Place, Entry], ...]


@dataclass(frozen=True, slots=True)
class Accesses:
    """Every entry that is about one person, and the logs that it is every one of.

    Attributes:
        entries: with their places, oldest first.
        heads: signed trees of the shards that were read, all of them but what is pruned.
    """

    entries: Found
    heads: tuple[Head, ...]


def search_log(where: EntryFilter, *, actor: Actor, deps: Deps) -> Found:
    """Entries that meet a filter, newest last.

    Logged is by what was searched, not for what: it may be anything that was typed, and the log keeps it.
    """  # PIPL 54
    act = authorise(deps, actor, "audit:read", resource="log")
    asked = [field.name for field in fields(where) if getattr(where, field.name)]
    act.record(detail=(("asked", ",".join(asked)), ("last", where.last or 0)))
    return deps.audit.find(where)


def export_log(
    form: str, *, actor: Actor, deps: Deps, since: datetime | None = None, until: datetime | None = None
) -> Iterator[str]:
    """The log, or the entries of some time, in a form of ``audit.export``: lines, read as they are asked for.

    The export is an entry itself, durable on return, before the first line.
    """  # PIPL 54
    act = authorise(deps, actor, "audit:export", resource="log")
    span = tuple((name, at.isoformat()) for name, at in (("since", since), ("until", until)) if at)
    act.record(detail=(("format", form), *span))
    first, end = since or datetime.min.replace(tzinfo=UTC), until or datetime.max.replace(tzinfo=UTC)
    rows = (row for row in deps.audit.entries() if first <= row[1].at < end)
    return FORMATS[form](rows, deps.audit.heads()[0].origin.rsplit("/", 2)[0])


def who_accessed(id_type: str, value: str, *, actor: Actor, deps: Deps) -> Accesses:
    """Who saw or used what is held of one person, all merged enrolments.

    Raises:
        UsageError: the identifier is not a valid one of its type; it is never echoed.
        TamperedError: the people of an entry, or the entries of a shard, were changed or taken away.
    """  # PIPL 45(1), GDPR 15(1)
    act = authorise(deps, actor, "audit:trace", data_class="C3", resource="log")
    subject = subject_with(id_type, normal_identifier(id_type, value), deps)
    pseudonyms = [storage_pseudonym(part, deps) for part in parts(subject, deps)] if subject else []
    act.record(about=pseudonyms[0] if pseudonyms else b"", subjects=1)
    return accesses(pseudonyms, deps)


def accesses(pseudonyms: Sequence[bytes], deps: Deps) -> Accesses:
    """All entries about a person, by the pseudonyms of their enrolments. Raises TamperedError."""
    deps.audit.find(EntryFilter(last=1))  # the logs are those that the index knows
    heads = check_pruned(deps)
    test = is_about(deps.home / PEOPLE, deps.keyring.derive("subject-tag"), pseudonyms)
    entries = tuple(deps.audit.tagged(test)) if pseudonyms else ()
    sizes = {head.origin: head.size for head in heads}
    sealed = [found for found in entries if found[0].position < sizes.get(found[0].origin, 0)]
    return Accesses(tuple(sorted(sealed, key=lambda found: found[1].at)), heads)


def open_payload(entry_id: str, *, actor: Actor, deps: Deps) -> tuple[Entry, Any]:
    """An entry and what is sealed beside it; the opening is itself an entry about the person, logged first.

    Raises:
        UnknownError: the log has no such entry.
        ConflictError: nothing is sealed for it, or its person was erased.
        TamperedError: the file is missing or was changed.
    """  # PIPL 51
    act = authorise(deps, actor, "audit:open", data_class="C3", resource="log")
    entry = next((entry for _, entry in deps.audit.find(EntryFilter(id=frozenset({entry_id})))), None)
    if entry is None:
        raise UnknownError("the log has no such entry")
    subject, pseudonym = owner(entry, deps)
    act.record(resource=f"entry/{entry.id}", about=pseudonym, subjects=int(subject > 0))
    if not subject:
        erased = "the person was erased: what was sealed cannot be opened"
        raise ConflictError(erased if MARK in entry.detail else "nothing is sealed", entry=entry.id)
    return entry, read_payload(entry, subject, deps)
