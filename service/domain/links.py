"""Links: the decision that two enrolments in the vault are one person. Rows stay where they are.

A link that is in force joins two subjects; all that are joined, directly or through others, are one person.
``a`` was preferred as the one the person is called by: it has a resident id, or is the older one. Undone, a
link leaves no trace but itself, and is never made again by a machine.

>>> mains = persons([(1, 2), (2, 5), (7, 8)])
>>> mains
{1: 1, 2: 1, 5: 1, 7: 7, 8: 7}
>>> group(5, [(1, 2), (2, 5), (7, 8)])
(5, 2, 1)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Edges = Iterable[tuple[int, int]]


class LinkState(StrEnum):
    """What was decided about two enrolments."""

    PROPOSED = "proposed"
    MERGED = "merged"
    REJECTED = "rejected"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Link:
    """Two enrolments and what was decided.

    Attributes:
        id: 32 hex digits.
        a: subject number, the preferred one.
        b: subject number.
        state: only ``merged`` has an effect.
        score: probability in thousandths that they are one person; 1000 for a person's own judgement.
        evidence: kinds of evidence that agree, never values.
        decided_by: actor of the newest decision, ``""`` for a proposal.
        at: when.
        dpia: reference of the impact assessment that covers the merge, ``""`` before one.
    """

    id: str
    a: int
    b: int
    state: LinkState
    score: int
    evidence: tuple[str, ...]
    decided_by: str
    at: datetime
    dpia: str = ""


def standing(links: Iterable[Link]) -> tuple[tuple[int, int], ...]:
    """The pairs that are joined now, in the order of the links."""
    return tuple((link.a, link.b) for link in links if link.state is LinkState.MERGED)


def group(subject: int, edges: Edges) -> tuple[int, ...]:
    """All enrolments of the subject's person, itself first, then by distance from it."""
    near: dict[int, list[int]] = {}
    for a, b in edges:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    found = [subject]
    for one in found:
        found.extend(sorted({n for n in near.get(one, ()) if n not in found}))
    return tuple(found)


def persons(edges: Edges) -> dict[int, int]:
    """Every joined subject with the one its person is called by: preferred over all others, or the oldest."""
    pairs = tuple(edges)
    second = {b for _, b in pairs}
    mains: dict[int, int] = {}
    for subject in sorted({one for pair in pairs for one in pair}):
        if subject not in mains:
            parts = group(subject, pairs)
            main = min(parts, key=lambda part: (part in second, part))
            mains |= dict.fromkeys(parts, main)
    return dict(sorted(mains.items()))
