"""Resident identity numbers (GB 11643): 18 characters, and the 15 digits issued before 1999.

Eighteen characters count when the province is one of GB/T 2260, the birth date real and the MOD 11-2
check right, glued to anything but digits and split by single blanks, dots, dashes or line breaks
anywhere. County digits are not checked. With a wrong check character or as 15 digits (which have none)
they count only after a word that announces them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.checksums import PROVINCES, is_date, is_resident_id
from privacy.pii.findings import IN_CONTEXT, VALIDATED, Span
from privacy.pii.recognisers.rule import SEPARATORS, Needs, Rule, last, scan, starting

_TYPE: Final = "CN_ID_CARD"
_GAP: Final = r"(?:[ \t.\-]|\r?\n)?"
#: The multiplication sign is what some keyboards offer for the check character X.
_EIGHTEEN: Final = starting("1-9", rf"(?<![0-9])[1-9]{_GAP}[0-9](?:{_GAP}[0-9]){{15}}{_GAP}[0-9Xx×](?![0-9])")
_FIFTEEN: Final = starting("1-9", r"(?<![0-9A-Za-z])[1-9][0-9]{14}(?![0-9A-Za-z])")
_CONTEXT: Final = re.compile(
    r"身份证|身份證|身份號|身分[证證]|证件|居民证|驾驶证|驾照|社保[号卡]|社会保障号|"
    r"sfz|identity|resident id|id[ _]?(?:card|no|number)|national id"
)


def _find(text: str) -> Iterator[Span]:
    for start, end in scan(_EIGHTEEN, text):
        value = text[start:end].translate(SEPARATORS).replace("×", "X")
        if value[:2] not in PROVINCES or not is_date(value[6:14]):
            continue
        if is_resident_id(value):
            yield Span(start, end, _TYPE, VALIDATED, "cn_resident_id:mod11-2")
        elif last(_CONTEXT, text, start) >= 0:
            yield Span(start, end, _TYPE, IN_CONTEXT, "cn_resident_id:context")
    for start, end in scan(_FIFTEEN, text):
        value = text[start:end]
        if value[:2] in PROVINCES and is_date("19" + value[6:12]) and last(_CONTEXT, text, start) >= 0:
            yield Span(start, end, _TYPE, IN_CONTEXT, "cn_resident_id:15")


RULE: Final = Rule("cn_resident_id", (_TYPE,), Needs.NUMBER, _find, (_EIGHTEEN, _FIFTEEN))
