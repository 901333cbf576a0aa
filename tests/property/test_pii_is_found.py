"""Invariant: an identifier is found wherever it stands, exactly, and redaction leaves nothing of it."""

from itertools import pairwise

import pytest
from fakes.identifiers import announced, cards, emails, mobiles, resident_ids
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants import word_boundary

from privacy.pii.detect import Detector, build_detector
from privacy.pii.redact import redact

DETECTOR = build_detector()
FULL_WIDTH = str.maketrans("0123456789Xx", "０１２３４５６７８９Ｘｘ")
#: Han, Latin, punctuation, invisible characters; no digits: a digit beside a number changes the number.
AROUND = st.text(
    st.sampled_from("客户张身份证号手机卡的路在a Bz,.:；：（）|\n\u200b\u202e\u3000é"), max_size=12
)


def _groups(value: str, sizes: tuple[int, ...], separator: str) -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(value[at : at + size])
        at += size
    return separator.join([*parts, value[at:]] if value[at:] else parts)


def _spelled(values: st.SearchStrategy[str], *sizes: tuple[int, ...]) -> st.SearchStrategy[str]:
    """Plain, full-width, grouped by blank or dash, with an invisible character inside."""
    grouped = st.tuples(values, st.sampled_from(sizes), st.sampled_from(" -")).map(lambda t: _groups(*t))
    return (
        values
        | values.map(lambda v: v.translate(FULL_WIDTH))
        | values.map(lambda v: v[:7] + "\u200b" + v[7:])
        | grouped
    )


PLANTED = st.one_of(
    _spelled(resident_ids(), (6, 8, 4), (6, 4, 2, 2, 4), (4, 4, 4, 4, 2)).map(lambda v: ("CN_ID_CARD", v)),
    _spelled(mobiles(), (3, 4, 4)).map(lambda v: ("PHONE_NUMBER", v)),
    _spelled(cards(), (4, 4, 4, 4)).map(lambda v: ("CN_BANK_CARD", v)),
)


def _is_exact(detector: Detector, before: str, kind: str, value: str, after: str) -> bool:
    text = before + value + after
    where = (kind, len(before), len(before) + len(value))
    return where in {(s.type, s.start, s.end) for s in detector.detect(text)}


@settings(max_examples=600)
@given(AROUND, PLANTED, AROUND)
def test_a_number_is_found_at_its_exact_place(before: str, planted: tuple[str, str], after: str) -> None:
    assert _is_exact(DETECTOR, before, *planted, after)


#: Han and punctuation alone: a letter or digit beside such a number is part of it.
HAN_AROUND = st.text(st.sampled_from("客户我的在和张李，。；（）\n\u200b\u3000"), max_size=10)


@settings(max_examples=1500)
@given(HAN_AROUND, announced(), HAN_AROUND)
def test_an_announced_identifier_is_found_at_its_exact_place(
    before: str, planted: tuple[str, str, str], after: str
) -> None:
    kind, lead, value = planted
    assert _is_exact(DETECTOR, before + lead, kind, value, after)


@given(HAN_AROUND, announced(), HAN_AROUND)
def test_an_announced_identifier_is_found_in_full_width(
    before: str, planted: tuple[str, str, str], after: str
) -> None:
    kind, lead, value = planted
    assert _is_exact(DETECTOR, before + lead, kind, value.translate(FULL_WIDTH), after)


@given(st.text("客户邮箱的，：（ \n", max_size=8), emails(), st.text("，。）谢客户 \n", max_size=8))
def test_an_email_is_found_at_its_exact_place(before: str, value: str, after: str) -> None:
    assert _is_exact(DETECTOR, before, "EMAIL_ADDRESS", value, after)


@given(st.lists(st.tuples(AROUND, PLANTED), min_size=1, max_size=4), AROUND)
def test_redaction_leaves_no_planted_value(pieces: list[tuple[str, tuple[str, str]]], tail: str) -> None:
    text = "，".join(before + value for before, (_, value) in pieces) + tail
    output = redact(text, DETECTOR.detect(text))
    assert not [value for _, (_, value) in pieces if value in output]


@given(st.text())
def test_any_text_yields_disjoint_spans_inside_it(text: str) -> None:
    _check_spans(text)


def _check_spans(text: str) -> None:
    spans = DETECTOR.detect(text)
    assert all(0 <= s.start < s.end <= len(text) for s in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))


@given(st.text(st.sampled_from("客户姓名张三王路号1238@.com-: +()XxAa省市|MrEsq"), max_size=120))
def test_text_made_of_cues_yields_disjoint_spans_inside_it(text: str) -> None:
    _check_spans(text)


UNITS = (
    *(
        "a",
        "a@",
        "a.",
        "1",
        "1 ",
        "1-",
        "62",
        "+86 ",
        "(",
        ":",
        "1.",
        "|王",
        "A ",
        "Mr ",
        "name is ",
        "12 Oak ",
    ),
    *(
        "路",
        "路1号",
        "1弄",
        "客户",
        "客户张",
        "王",
        "王先生",
        "张三手机",
        "地址",
        "有限公司",
        "·古丽",
        "密码",
    ),
    *(
        "确诊",
        "在医院",
        "是",
        "有",
        "has ",
        "岁",
        "账号1",
        "患",
        "档案编号",
        "DL ",
        "王·",
        "人:王",
        "与王",
        "WJ",
    ),
    *("wxid_", "京A", "护照E1", "\u200b", "110199 19900307 "),
)


@pytest.mark.parametrize("unit", UNITS)
def test_long_repetitions_come_to_an_end(unit: str) -> None:
    text = unit * (20_000 // len(unit))
    assert len(DETECTOR.detect(text)) <= len(text)


def test_a_recogniser_that_uses_word_boundaries_is_caught() -> None:
    mutant = Detector((word_boundary.RULE,))
    value = "119900199003078537"
    assert _is_exact(mutant, "id ", "CN_ID_CARD", value, " ok")
    assert not _is_exact(mutant, "身份证", "CN_ID_CARD", value, "")

    @settings(max_examples=200, database=None)
    @given(AROUND, resident_ids(), AROUND)
    def check(before: str, value: str, after: str) -> None:
        assert _is_exact(mutant, before, "CN_ID_CARD", value, after)

    with pytest.raises(AssertionError):
        check()
