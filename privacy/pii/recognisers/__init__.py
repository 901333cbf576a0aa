"""One module per identifier. The rules are pure; ``privacy.pii.presidio_pack`` wraps them for Presidio."""

from __future__ import annotations

from typing import Final

from privacy.pii.recognisers import (
    address,
    auth_secret,
    cn_bank_card,
    cn_credit_code,
    cn_phone,
    cn_plate,
    cn_resident_id,
    credit_card,
    date_of_birth,
    driver_license,
    email,
    en_place,
    iban,
    ip_address,
    messaging,
    organisation,
    person,
    phone,
    sensitive,
    travel_documents,
    url,
    us_ssn,
)
from privacy.pii.recognisers.rule import Rule

RULES: Final[tuple[Rule, ...]] = (
    cn_resident_id.RULE,
    cn_phone.RULE,
    cn_bank_card.RULE,
    cn_credit_code.RULE,
    travel_documents.RULE,
    cn_plate.RULE,
    email.RULE,
    messaging.WECHAT,
    messaging.QQ,
    ip_address.RULE,
    auth_secret.RULE,
    person.RULE,
    address.RULE,
    organisation.RULE,
    driver_license.RULE,
    sensitive.RULE,
)

#: What the profile ``accurate`` adds; they stand apart so that ``fast`` stays as fast as it is.
ENGLISH_RULES: Final[tuple[Rule, ...]] = (
    credit_card.RULE,
    date_of_birth.RULE,
    en_place.RULE,
    iban.RULE,
    phone.RULE,
    url.RULE,
    us_ssn.RULE,
)
