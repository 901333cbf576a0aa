"""Questions to the log: which entries meet a filter, and which are about one person.

Both are entries themselves, durable before anything is shown. What a filter finds is found by the index; who
accessed a person is found by reading all of the log and making the person's tag for each entry, so that an
entry that an index forgot, or was made to forget, is found too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from audit.entry import Entry
from audit.export import FORMATS
from service.domain.actors import Actor
from service.ports import Deps, EntryFilter
from service.usecases.access import authorise
from service.usecases.audience import normal_identifier, storage_pseudonym, subject_with
from service.usecases.persons import parts
from service.usecases.tags import PEOPLE, is_about

Found = tuple[tuple[int, Entry], ...]


@dataclass(frozen=True, slots=True)
class Accesses:
    """Every entry of the log that is about one person, and the log that it is every one of.

    Attributes:
        entries: with their indices, in order.
        size: entries of the signed tree that was read, all of them.
        root: its root hash, hex.
    """

    entries: Found
    size: int
    root: str


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
    return FORMATS[form](rows, deps.audit.vkey.partition("+")[0])


def who_accessed(id_type: str, value: str, *, actor: Actor, deps: Deps) -> Accesses:
    """Who saw or used what is held of one person, all merged enrolments.

    Raises:
        UsageError: the identifier is not a valid one of its type; it is never echoed.
        TamperedError: the people of an entry were changed or taken away.
    """  # PIPL 45(1), GDPR 15(1)
    act = authorise(deps, actor, "audit:trace", data_class="C3", resource="log")
    subject = subject_with(id_type, normal_identifier(id_type, value), deps)
    pseudonyms = [storage_pseudonym(part, deps) for part in parts(subject, deps)] if subject else []
    act.record(about=pseudonyms[0] if pseudonyms else b"", subjects=1)
    return accesses(pseudonyms, deps)


def accesses(pseudonyms: Sequence[bytes], deps: Deps) -> Accesses:
    """All entries of the log about a person, by the pseudonyms of their enrolments."""
    head = deps.audit.head()
    test = is_about(deps.home / PEOPLE, deps.keyring.derive("subject-tag"), pseudonyms)
    entries = tuple(deps.audit.tagged(test)) if pseudonyms else ()
    return Accesses(tuple(each for each in entries if each[0] < head.size), head.size, head.root.hex())
