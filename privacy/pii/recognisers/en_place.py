"""Places in English text that need no model: countries (ISO 3166-1), boxes, military mail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import CUE, Span
from privacy.pii.recognisers.rule import Needs, Rule, scan, starting

_TYPE: Final = "LOCATION"
#: English short names; those that name people or things as well (Chad, Jordan, Turkey) are left out.
COUNTRIES: Final = (
    "Afghanistan|Albania|Algeria|Andorra|Angola|Antigua and Barbuda|Argentina|Armenia|Australia|Austria|"
    "Azerbaijan|Bahamas|Bahrain|Bangladesh|Barbados|Belarus|Belgium|Belize|Benin|Bhutan|Bolivia|"
    "Bosnia and Herzegovina|Botswana|Brazil|Brunei|Bulgaria|Burkina Faso|Burundi|Cabo Verde|Cambodia|"
    "Cameroon|Canada|Central African Republic|Chile|China|Colombia|Comoros|Congo|Costa Rica|Côte d'Ivoire|"
    "Croatia|Cuba|Cyprus|Czechia|Czech Republic|Denmark|Djibouti|Dominican Republic|Ecuador|Egypt|"
    "El Salvador|Equatorial Guinea|Eritrea|Estonia|Eswatini|Ethiopia|Fiji|Finland|France|Gabon|Gambia|"
    "Germany|Ghana|Greece|Greenland|Grenada|Guatemala|Guinea|Guyana|Haiti|Honduras|Hong Kong|Hungary|"
    "Iceland|India|Indonesia|Iran|Iraq|Ireland|Israel|Italy|Jamaica|Japan|Kazakhstan|Kenya|Kiribati|Kosovo|"
    "Kuwait|Kyrgyzstan|Laos|Latvia|Lebanon|Lesotho|Liberia|Libya|Liechtenstein|Lithuania|Luxembourg|Macao|"
    "Madagascar|Malawi|Malaysia|Maldives|Malta|Mauritania|Mauritius|Mexico|Micronesia|Moldova|Monaco|"
    "Mongolia|Montenegro|Morocco|Mozambique|Myanmar|Namibia|Nauru|Nepal|Netherlands|New Zealand|Nicaragua|"
    "Nigeria|North Korea|North Macedonia|Norway|Oman|Pakistan|Palau|Palestine|Panama|Papua New Guinea|"
    "Paraguay|Peru|Philippines|Poland|Portugal|Qatar|Romania|Russia|Rwanda|Samoa|San Marino|Saudi Arabia|"
    "Senegal|Serbia|Seychelles|Sierra Leone|Singapore|Slovakia|Slovenia|Solomon Islands|Somalia|"
    "South Africa|South Korea|South Sudan|Spain|Sri Lanka|Sudan|Suriname|Sweden|Switzerland|Syria|Taiwan|"
    "Tajikistan|Tanzania|Thailand|Timor-Leste|Togo|Tonga|Trinidad and Tobago|Tunisia|Türkiye|Turkmenistan|"
    "Tuvalu|Uganda|Ukraine|United Arab Emirates|United Kingdom|United States(?: of America)?|Uruguay|"
    "Uzbekistan|Vanuatu|Vatican City|Venezuela|Vietnam|Yemen|Zambia|Zimbabwe"
)
_COUNTRY: Final = starting("A-Z", rf"(?<![^\W_])(?:{COUNTRIES})(?![^\W_])")
#: USPS Publication 28, 2 and 238: PSC, unit or ship, box, then APO, FPO or DPO with AA, AE or AP.
_MILITARY: Final = re.compile(
    r"(?:(?i:psc|cmr|unit|usnv|uss|usns|usnb|uscgc)[ ][0-9A-Za-z]{1,20},?"
    r"(?:[ ](?i:box)[ ][0-9]{1,5})?[\s,]{1,3})?"
    r"(?<![A-Za-z])(?i:[afd]po[ ,]{1,2}a[aep])[ ,]{1,2}[0-9]{5}(?:-[0-9]{4})?(?![0-9])"
)
_BOX: Final = starting("Pp", r"(?<![A-Za-z])(?i:p\.? ?o\.? ?box|post office box)[ ]#?[0-9]{1,6}(?![0-9])")


def _find(text: str) -> Iterator[Span]:
    for start, end in scan(_COUNTRY, text):
        yield Span(start, end, _TYPE, CUE, "en_place:country")
    for match in _MILITARY.finditer(text):
        yield Span(*match.span(), _TYPE, CUE, "en_place:military")
    for start, end in scan(_BOX, text):
        yield Span(start, end, _TYPE, CUE, "en_place:box")


RULE: Final = Rule("en_place", (_TYPE,), Needs.CUE, _find, (_COUNTRY, _MILITARY, _BOX))
