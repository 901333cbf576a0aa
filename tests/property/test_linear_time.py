"""Invariant: the time of a text grows with its length, not with its square, whatever is in it.

No clock is read but the processor's own: of two lengths, one four times the other, a linear rule takes four
times as long and a quadratic one sixteen times.
"""

import random
import re
import time
from collections.abc import Callable, Iterator

import pytest

from privacy.pii.detect import Detector
from privacy.pii.findings import CUE, NER, Span, joined
from privacy.pii.recognisers import ENGLISH_RULES, RULES
from privacy.pii.recognisers.rule import Needs, Rule
from privacy.pii.recognisers.surnames import SURNAMES
from privacy.pii.redact import redact

ALL = Detector((*RULES, *ENGLISH_RULES))
LONG = 40_000
#: Seconds under which a ratio says nothing.
SHORT = 0.4
UNITS = (
    *(
        "a",
        "1",
        "@",
        "a@",
        "a.",
        "a.b@",
        "1 ",
        "1-",
        "1.",
        "62",
        "+86 ",
        "(",
        "(1",
        "[",
        "<",
        "|王",
        ":",
        "a:",
    ),
    *(
        "::1 ",
        " ",
        "\n",
        "\t",
        "-",
        "_",
        "·",
        "x1",
        "A ",
        "Aa ",
        "Mr ",
        "Mr A",
        "name is ",
        "12 Oak A ",
        "1/1/",
    ),
    *("http://", "http://a]", "https://a]]]]", "GB82 WEST ", "123-45-", "P.O. Box ", "+1 (", "APO, ", "has "),
    *("客", "路", "路1号", "1弄", "客户", "客户张", "王", "王先生", "先生", "本人", "来电", "老师", "姓名:"),
    *("姓名|", "张三手机", "地址", "地址在路", "有限公司", "·古丽", "密码1", "wxid_", "微信", "QQ1", "京A1"),
    *("护照E1", "\u200b", "…", "ﷺ", "😀", "é", "110199 19900307 ", "11019919900307853X ", "确诊", "叫", "是"),
)


def _names(length: int) -> str:
    rng = random.Random(1)
    given = (chr(rng.randrange(0x4E00, 0x9FA5)) for _ in range(length // 5))
    return "".join(f"客户{rng.choice(SURNAMES[:90])}{name}，" for name in given)


def _noise(alphabet: str) -> Callable[[int], str]:
    return lambda length: "".join(random.Random(2).choices(alphabet, k=length))


GENERATED: dict[str, Callable[[int], str]] = {
    "ever new names": _names,
    "digits": _noise("0123456789"),
    "separated digits": _noise("0123456789 -."),
    "cues": _noise("0123456789 -.()+@aA:/王客户号路|"),
    "addresses": _noise("客户王先生李明地址路街区省市号栋的与和"),
}


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _is_linear(detector: Detector, make: Callable[[int], str]) -> bool:
    def seconds(length: int) -> float:
        text = make(length)
        return _cpu(lambda: redact(text, detector.detect(text)))

    return any((long := seconds(LONG)) < SHORT or long < 10 * seconds(LONG // 4) for _ in range(3))


@pytest.mark.parametrize("unit", UNITS)
def test_a_repeated_unit_takes_linear_time(unit: str) -> None:
    assert _is_linear(ALL, lambda length: unit * (length // len(unit)))


@pytest.mark.parametrize("kind", GENERATED)
def test_generated_texts_take_linear_time(kind: str) -> None:
    assert _is_linear(ALL, GENERATED[kind])


def test_joining_many_findings_takes_linear_time() -> None:
    def seconds(count: int) -> float:
        spans = [Span(4 * i, 4 * i + 2, "PERSON", CUE if i % 2 else NER, "") for i in range(count)]
        return _cpu(lambda: joined(spans, "王芳来了" * count))

    assert any((long := seconds(24_000)) < SHORT or long < 10 * seconds(6_000) for _ in range(3))


def test_a_quadratic_rule_is_caught() -> None:
    def find(text: str) -> Iterator[Span]:
        for match in re.finditer(r"1+x", text):
            yield Span(*match.span(), "T", CUE, "quadratic")

    mutant = Detector([Rule("quadratic", ("T",), Needs.DIGIT, find)])
    assert not _is_linear(mutant, lambda length: "1" * length)
