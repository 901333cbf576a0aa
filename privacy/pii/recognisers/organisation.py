"""Company names by their legal form: an employer or a sole trader's firm says who someone is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privacy.pii.findings import CUE, Span
from privacy.pii.recognisers.address import OPENING
from privacy.pii.recognisers.rule import Needs, Rule

_TYPE: Final = "ORGANIZATION"
_FORM: Final = re.compile(r"(?:有限责任|股份有限|有限)公司|合伙企业|个体工商户|经营部")
_RUN: Final = re.compile(r"[\u4e00-\u9fff()A-Za-z0-9]{1,20}$")
_INTRODUCED: Final = re.compile(
    r"(?:企业|公司|单位|雇主|机构)名?称?|[就任供]职[于在]|客户|检查|名称|户名|商户|雇主|法人|[在于是为与和及向由系的了]|某"
)


def _find(text: str) -> Iterator[Span]:
    for form in _FORM.finditer(text):
        at = form.start()
        run = _RUN.search(text, max(0, at - 20), at)
        if not run:
            continue
        opening = OPENING.search(text, run.start(), at)
        introduced = [m.end() for m in _INTRODUCED.finditer(text, run.start(), at)]
        start = max([run.start(), *(i for i in introduced if i < at)])
        if opening and introduced and opening.start() < start:
            start = opening.start()
        yield Span(start, form.end(), _TYPE, CUE, "organisation:form")


RULE: Final = Rule("organisation", (_TYPE,), Needs.HAN, _find, (_FORM,))
