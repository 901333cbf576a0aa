"""Where somebody lives or works: street addresses, places in English text, company names.

A street address is a composite around its tail (路…号, 栋, 单元, 室), or what follows 地址 and 住址. From the
tail the span grows to the left over Han characters up to the province or large city that opens the address,
else to the word that introduces it (住址, 寄至, 位于), else to the district, and to the right over buildings,
units and rooms. A city alone is no address.

Places in English text that need no model: countries (ISO 3166-1), boxes, military mail.

Company names by their legal form: an employer or a sole trader's firm says who someone is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import CUE, Span
from privacy.pii.recognisers.rule import Needs, Rule, Shape, shaped, starting, words

_TYPE: Final = "LOCATION"
_HAN: Final = r"[\u4e00-\u9fff]"
_NUMBER: Final = r"[0-9一二三四五六七八九十百]{1,5}"
_ANCHOR: Final = re.compile(
    r"(?:路|街|道|巷|弄|胡同|村|里|庄|桥|镇|乡|园|苑|大厦|广场|小区|花园|新区|[区市县])"
    r"(?:[东南西北中一二三四五六七八九十]{1,2}[段路街道环巷期区])?[ ]?"
    rf"(?:[0-9]{{1,4}}(?:-[0-9]{{1,4}}){{1,3}}(?![0-9\-:.])|{_NUMBER}(?:[\-之][0-9]{{1,4}})?[ ]?"
    r"(?:号|弄|栋|幢|(?:(?<=[村里庄镇乡厦场园苑].)|(?<=[村里庄镇乡厦场园苑]..))[组队座])(?!线|店|文|令|码))"
)
REST: Final = re.compile(
    rf"(?:[ ]?(?:{_HAN}{{0,10}}?)[0-9A-Za-z一二三四五六七八九十]{{1,5}}(?:-[0-9]{{1,4}}){{0,2}}[ ]?"
    r"(?:号楼|号院|号|栋|幢|座|单元|室|楼|层|弄|巷|组|户|房|期|门)){0,6}(?:(?<=[栋幢座元门楼])[0-9]{3,4}(?![0-9])|附近|旁)?"
)
_RUN: Final = re.compile(r"[\u4e00-\u9fff0-9A-Za-z]{0,32}$")
_OPENING: Final = words("opens_address")
_INTRODUCED: Final = words("to_address")
_DISTRICT: Final = re.compile(rf"{_HAN}{{2,3}}[市县区州旗镇乡]")
_UNLED: Final = 8  # characters kept when nothing says where the address opens
_LABELLED: Final = re.compile(
    r"(?:地址|住址|住所|居住地址?|户籍地址?|寄送地|收货地|通讯处)(?:改为|变更为|[ :是为在]){0,3}"
    r"((?=[^,;。!?\n]{0,24}[省市区县镇乡村路街道巷弄号栋幢座楼园苑])[\u4e00-\u9fff0-9A-Za-z()#\-·]{4,60})"
)
_END: Final = words("no_address")
_ENGLISH: Final = starting(
    "0-9",
    r"(?<![0-9A-Za-z])[0-9]{1,5}[A-Za-z]?,?[ ](?:[A-Z0-9][A-Za-z0-9'.\-]{0,20}[ ]){1,4}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Terrace|Square|Crescent|Close|"
    r"Parkway|Highway|Circle)(?![A-Za-z])\.?(?:,? (?:Apt|Apartment|Suite|Unit|Flat|Room|"
    r"#)\.? ?[0-9A-Za-z\-]{1,6})?",
)


def _opening(text: str, at: int) -> int:
    """Where the address that has its street at ``at`` opens."""
    run = _RUN.search(text, max(0, at - 32), at)
    left = run.start() if run else at
    introduced = [m.end() for m in _INTRODUCED.finditer(text, left, at)]
    for opening in _OPENING.finditer(text, left, at):
        return opening.start()
    if introduced:
        return introduced[-1]
    district = _DISTRICT.search(text, left, at)
    return district.start() if district else max(left, at - _UNLED)


def _find_chinese(text: str) -> Iterator[Span]:
    done = 0
    for match in _ANCHOR.finditer(text):
        if match.end() <= done:
            continue
        rest = REST.match(text, match.end())
        done = rest.end() if rest else match.end()
        yield Span(_opening(text, match.start()), done, _TYPE, CUE, "address:tail")
    for match in _LABELLED.finditer(text):
        start, stop = match.span(1)
        end = _END.search(text, start, stop)
        stop = end.start() if end else stop
        if stop - start > 3:  # noqa: PLR2004
            yield Span(start, stop, _TYPE, CUE, "address:label")


_ENGLISH_ADDRESSES: Final = Shape(_TYPE, "address:en", CUE, _ENGLISH)


def _find_addresses(text: str) -> Iterator[Span]:
    if not text.isascii():
        yield from _find_chinese(text)
    yield from _ENGLISH_ADDRESSES.find(text)


ADDRESS: Final = Rule("address", (_TYPE,), Needs.CUE, _find_addresses, (_ANCHOR, _LABELLED, _ENGLISH))

EN_PLACE: Final = shaped("en_place", Needs.CUE)

_FORM: Final = re.compile(r"(?:有限责任|股份有限|有限)公司|合伙企业|个体工商户|经营部")
_NAME: Final = re.compile(r"[\u4e00-\u9fff()A-Za-z0-9]{1,20}$")
_EMPLOYER: Final = words("employer")


def _find_organisations(text: str) -> Iterator[Span]:
    for form in _FORM.finditer(text):
        at = form.start()
        run = _NAME.search(text, max(0, at - 20), at)
        if not run:
            continue
        opening = _OPENING.search(text, run.start(), at)
        introduced = [m.end() for m in _EMPLOYER.finditer(text, run.start(), at)]
        start = max([run.start(), *(i for i in introduced if i < at)])
        if opening and introduced and opening.start() < start:
            start = opening.start()
        yield Span(start, form.end(), "ORGANIZATION", CUE, "organisation:form")


ORGANISATION: Final = Rule("organisation", ("ORGANIZATION",), Needs.HAN, _find_organisations, (_FORM,))
