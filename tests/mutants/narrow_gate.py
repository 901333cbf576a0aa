"""A rule whose triggers forget one of its patterns: alone it is right, behind the gate it is blind."""

from __future__ import annotations

from dataclasses import replace

from privacy.pii.recognisers import person, phones

RULE = replace(phones.CN_PHONE, triggers=phones.CN_PHONE.triggers[:1])
UNLABELLED = replace(
    person.RULE, triggers=tuple(t for t in person.RULE.triggers if not str(t).startswith("[人者员方主]"))
)
