"""The rules, by what they find. They are pure; ``privacy.pii.presidio_pack`` wraps them for Presidio."""

from __future__ import annotations

from typing import Final

from privacy.pii.recognisers import accounts, documents, online, person, phones, places, sensitive
from privacy.pii.recognisers.rule import Rule

RULES: Final[tuple[Rule, ...]] = (
    documents.RESIDENT_ID,
    phones.CN_PHONE,
    accounts.BANK_CARD,
    documents.CREDIT_CODE,
    documents.TRAVEL_DOCUMENTS,
    documents.PLATE,
    online.EMAIL,
    online.WECHAT,
    online.QQ,
    online.IP_ADDRESS,
    accounts.AUTH_SECRET,
    person.RULE,
    places.ADDRESS,
    places.ORGANISATION,
    documents.DRIVER_LICENSE,
    accounts.IBAN,
    documents.US_SSN,
    sensitive.RULE,
)

#: What the profile ``accurate`` adds; they stand apart so that ``fast`` stays as fast as it is.
ENGLISH_RULES: Final[tuple[Rule, ...]] = (
    accounts.CREDIT_CARD,
    documents.DATE_OF_BIRTH,
    places.EN_PLACE,
    phones.PHONE,
    online.URL,
)
