"""A rule whose triggers forget one of its patterns: alone it is right, behind the gate it is blind."""

from __future__ import annotations

from dataclasses import replace

from privacy.pii.recognisers import cn_phone

RULE = replace(cn_phone.RULE, triggers=cn_phone.RULE.triggers[:1])
