"""What each entity type is in law: protection class, sensitivity, legal reference, identifier type.

Classes follow JR/T 0171-2020, 4.2: C3 authenticates (passwords, codes, card security codes), C2 identifies a
person or shows their finances, C1 is for internal use. ``sensitive`` follows PIPL 28 (financial accounts,
specific identity) read with GB/T 35273-2020 annex B, which lists identity documents, and GDPR 9 names the
special categories. The table is ``entities.toml``. An unknown type is treated as the
strictest (unknown means no):

>>> entity("CN_ID_CARD").data_class, entity("CN_ID_CARD").sensitive
('C2', True)
>>> entity("SOMETHING_NEW").data_class
'C3'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from privacy.pii.tables import table


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity type.

    Attributes:
        type: name, in Presidio's spelling where Presidio has one.
        data_class: C1, C2 or C3.
        sensitive: sensitive personal information: needs a separate consent (PIPL 29) or another basis.
        law: the clauses that make it so.
        id_type: identifier type of data contracts, None where contracts have none.
    """

    type: str
    data_class: str
    sensitive: bool
    law: str
    id_type: str | None = None


ENTITIES: Final[dict[str, Entity]] = {kind: Entity(kind, **row) for kind, row in table("entities").items()}


def entity(entity_type: str) -> Entity:
    """The entity of that type; an unknown one counts as C3 and sensitive."""
    known = ENTITIES.get(entity_type)
    return known or Entity(entity_type, "C3", sensitive=True, law="not classified")
