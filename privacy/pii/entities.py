"""What each entity type is in law: protection class, sensitivity, legal reference, identifier type.

Classes follow JR/T 0171-2020, 4.2: C3 authenticates (passwords, codes, card security codes), C2 identifies a
person or shows their finances, C1 is for internal use. ``sensitive`` follows PIPL 28 (financial accounts,
specific identity) read with GB/T 35273-2020 annex B, which lists identity documents, and GDPR 9 names the
special categories. An unknown type is
treated as the strictest (unknown means no):

>>> entity("CN_ID_CARD").data_class, entity("CN_ID_CARD").sensitive
('C2', True)
>>> entity("SOMETHING_NEW").data_class
'C3'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


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


_C2 = "JR/T 0171-2020 4.2 b)"
_DOCUMENT = f"PIPL 28; GB/T 35273-2020 annex B; {_C2}"
_FINANCIAL = f"PIPL 28 (financial account); {_C2}"
_PLAIN = f"PIPL 4; {_C2}"


def _told(kind: str, category: str, law: str = "") -> Entity:
    """A category of PIPL 28 that a sentence tells."""
    return Entity(f"SENSITIVE_{kind}", "C2", sensitive=True, law=f"PIPL 28 ({category}); {law}{_C2}")


_ALL = (
    Entity("CN_ID_CARD", "C2", sensitive=True, law=f"{_DOCUMENT}; GB 11643", id_type="cn_resident_id"),
    Entity("CN_BANK_CARD", "C2", sensitive=True, law=_FINANCIAL, id_type="bank_card"),
    Entity("CREDIT_CARD", "C2", sensitive=True, law=_FINANCIAL, id_type="bank_card"),
    Entity("IBAN_CODE", "C2", sensitive=True, law=f"{_FINANCIAL}; ISO 13616"),
    Entity("US_SSN", "C2", sensitive=True, law=_DOCUMENT),
    Entity("CN_PASSPORT", "C2", sensitive=True, law=_DOCUMENT),
    Entity("CN_HK_MO_TW_PERMIT", "C2", sensitive=True, law=_DOCUMENT),
    Entity("HK_ID_CARD", "C2", sensitive=True, law=_DOCUMENT),
    Entity("TW_ID_CARD", "C2", sensitive=True, law=_DOCUMENT),
    Entity("PHONE_NUMBER", "C2", sensitive=False, law=_PLAIN, id_type="mobile"),
    Entity("EMAIL_ADDRESS", "C2", sensitive=False, law=_PLAIN, id_type="email"),
    Entity("PERSON", "C2", sensitive=False, law=_PLAIN, id_type="name"),
    Entity("LOCATION", "C2", sensitive=False, law=_PLAIN),
    Entity("DATE_TIME", "C2", sensitive=False, law=f"{_PLAIN} (date of birth)"),
    Entity("URL", "C2", sensitive=False, law=_PLAIN),
    Entity("CN_PLATE", "C2", sensitive=False, law=_PLAIN),
    Entity("CN_WECHAT", "C2", sensitive=False, law=_PLAIN),
    Entity("CN_QQ", "C2", sensitive=False, law=_PLAIN),
    Entity("ORGANIZATION", "C2", sensitive=False, law=f"{_PLAIN} (employer)"),
    Entity("IP_ADDRESS", "C2", sensitive=False, law=f"{_PLAIN}; GDPR 4(1)"),
    Entity("CN_DRIVER_LICENSE", "C2", sensitive=True, law=_DOCUMENT),
    Entity("US_DRIVER_LICENSE", "C2", sensitive=True, law=_DOCUMENT),
    _told("HEALTH", "medical health", "GDPR 9(1); "),
    _told("RELIGION", "religious belief", "GDPR 9(1); "),
    _told("BIOMETRIC", "biometric recognition", "GDPR 9(1); "),
    _told("WHEREABOUTS", "whereabouts"),
    _told("MINOR", "under fourteen", "PIPL 31; "),
    _told("ACCOUNT", "financial account"),
    _told("IDENTITY", "specific identity", "GDPR 9(1), 10; "),
    # An organisation's code, but a sole trader's organisation is a person.
    Entity("CN_USCC", "C1", sensitive=False, law="GB 32100-2015; JR/T 0171-2020 4.2 c)"),
    Entity("AUTH_SECRET", "C3", sensitive=True, law="PIPL 28 (financial account); JR/T 0171-2020 4.2 a)"),
)

ENTITIES: Final[dict[str, Entity]] = {e.type: e for e in _ALL}


def entity(entity_type: str) -> Entity:
    """The entity of that type; an unknown one counts as C3 and sensitive."""
    known = ENTITIES.get(entity_type)
    return known or Entity(entity_type, "C3", sensitive=True, law="not classified")
