"""Linkage: which subject does a row of identifiers belong to?

Rows are taken in order, each as if the ones before were already known. Identifiers are strong (resident id,
bank card: given to one person) or weak (mobile, e-mail: shared in families, handed on to strangers).

1. The row's strong identifiers belong to two subjects: ``identity_conflict``.
2. They belong to one subject: it is that one. But if the row also has a new resident id and that subject
   already has another, the card and the id clash: ``identity_conflict``.
3. The row has strong identifiers and none is known: a new subject, even where a weak one is known. A shared
   phone alone never merges two people.
4. The row has weak identifiers only: the subject they belong to; ``identity_conflict`` when they belong to
   two; a new subject when none is known.
5. The row has no identifier: ``unknown_subject``.

A row's identifiers that belong to nobody become its subject's; those that belong to another stay with their
first owner. A row in conflict changes nothing. Without ``create`` no row changes anything, and what would be
a new subject is ``unknown_subject``.

>>> rows = [(b"id1", b"m"), (b"id2", b"m")]
>>> linked = link(rows, ["cn_resident_id", "mobile"], Known({}, set()), next_number=1)
>>> linked.subjects, linked.created
([1, 2], [1, 2])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

CONFLICT: Final = "identity_conflict"
UNKNOWN: Final = "unknown_subject"

RESIDENT_ID: Final = "cn_resident_id"
STRONG: Final = frozenset({RESIDENT_ID, "bank_card"})

Key = tuple[str, bytes]


@dataclass(slots=True)
class Known:
    """What is known before the rows, and after them what is known then.

    Attributes:
        owner: (identifier type, blind index) to subject number.
        residents: subjects that have a resident id.
    """

    owner: dict[Key, int]
    residents: set[int]


@dataclass(slots=True)
class Linked:
    """The answer.

    Attributes:
        subjects: per row, None where there is a problem.
        problems: per row, None where there is a subject.
        created: numbers of new subjects, ascending.
        added: identifiers that found an owner.
    """

    subjects: list[int | None] = field(default_factory=list)
    problems: list[str | None] = field(default_factory=list)
    created: list[int] = field(default_factory=list)
    added: list[tuple[str, bytes, int]] = field(default_factory=list)


def link(
    rows: Iterable[Sequence[bytes | None]],
    types: Sequence[str],
    known: Known,
    *,
    next_number: int,
    create: bool = True,
) -> Linked:
    """Link rows to subjects by the rules above.

    Args:
        rows: blind indexes in the order of ``types``, None where the row has none.
        types: identifier types of the columns.
        known: what is known; brought up to date in place.
        next_number: number of the first new subject.
        create: whether rows may make subjects and add identifiers.

    Returns:
        One subject or one problem per row.
    """
    out = Linked()
    for row in rows:
        keys = [(kind, tag) for kind, tag in zip(types, row, strict=True) if tag is not None]
        found = _decide(keys, known)
        if found is None and create:
            found = next_number + len(out.created)
            out.created.append(found)
        subject = found if isinstance(found, int) else None
        out.subjects.append(subject)
        out.problems.append(found if isinstance(found, str) else UNKNOWN if found is None else None)
        if create and subject is not None:
            _remember(keys, subject, known, out)
    return out


def _decide(keys: Sequence[Key], known: Known) -> int | str | None:
    """A subject, a problem, or None for a person not yet known."""
    if not keys:
        return UNKNOWN
    if len(keys) == 1:  # rules 2 to 4 come to this
        return known.owner.get(keys[0])
    strong = [key for key in keys if key[0] in STRONG]
    owners = {known.owner[key] for key in strong or keys if key in known.owner}
    if len(owners) > 1:
        return CONFLICT
    if not owners:
        return None
    subject = owners.pop()
    has_new_id = any(key[0] == RESIDENT_ID and key not in known.owner for key in strong)
    return CONFLICT if has_new_id and subject in known.residents else subject


def _remember(keys: Sequence[Key], subject: int, known: Known, out: Linked) -> None:
    for key in keys:
        if key not in known.owner:
            known.owner[key] = subject
            out.added.append((*key, subject))
            if key[0] == RESIDENT_ID:
                known.residents.add(subject)
