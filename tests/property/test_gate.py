"""Invariant: what the gate of a batch spares a rule, the rule would not have found anything in."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from fakes.identifiers import cards, emails, mobiles, resident_ids
from hypothesis import given, settings
from hypothesis import strategies as st
from mutants import narrow_gate

from privacy.pii.detect import MAX_TEXT, Detector, build_detector
from privacy.pii.gate import Gate, fold_batch, relax, trigger
from privacy.pii.normalise_text import ORDINARY, fold
from privacy.pii.recognisers import ENGLISH_RULES, RULES, online, person, phones
from privacy.pii.recognisers.rule import Rule, starting

ALL = (*RULES, *ENGLISH_RULES)
FOLDER = Path(__file__).parents[1] / "conformance" / "pii"
TEXTS = [
    json.loads(line)["text"]
    for path in sorted(FOLDER.glob("*.jsonl"))
    for line in path.read_text("utf-8").splitlines()
]
ODD = "\u200b …．①ﬁéİıſK\u0130\x1c\x85\u2028𝟙Ａ１—～\u3000’~&[\\\n\t\0·•"


@st.composite
def spliced(draw: st.DrawFn) -> str:
    """Pieces of real notes, generated identifiers and rare characters, glued together."""
    pieces = st.one_of(
        st.sampled_from(TEXTS).flatmap(
            lambda t: st.tuples(st.integers(0, len(t)), st.integers(1, 24)).map(lambda p: t[p[0] : sum(p)])
        ),
        st.text(st.sampled_from(ODD), max_size=3),
        st.text(st.sampled_from("客户姓名王先生1238@.-:+()XxAa wxidqqMrpo"), max_size=10),
        resident_ids() | mobiles() | cards() | emails(),
        st.tuples(
            st.sampled_from(
                ["人", "者", "员姓名", "方", "主名称", "户名", "叫", "|", "ssn ", "的卡", "Mr", "·"]
            ),
            st.sampled_from(["", ":", "=", " ", "："]),
            st.sampled_from(
                ["丁睿", "王波杰", "买买提·艾力", "欧阳修", "Zhou Li", "078 05 1120", "078-05-1120"]
            ),
            st.sampled_from(["", "同志", " 先生", "来访", "(手机", "这张银行卡", "|"]),
        ).map("".join),
        st.text(max_size=4),
    )
    return "".join(draw(st.lists(pieces, max_size=8)))


def blind(rules: Sequence[Rule], texts: Sequence[str]) -> list[tuple[str, str]]:
    """Rules that find something in a text that the gate spares them."""
    plain, odd = fold_batch(texts)
    admitted = Gate([trigger(rule) for rule in rules]).admits(plain)
    return [
        (rule.name, text)
        for place, (text, bits) in enumerate(zip(texts, admitted, strict=True))
        for n, rule in enumerate(rules)
        if not bits >> n & 1 and list(rule.find((odd.get(place) or fold(text)).text))
    ]


def test_the_gate_spares_no_rule_a_labelled_text_that_it_would_find_something_in() -> None:
    assert blind(ALL, TEXTS) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(spliced(), min_size=10, max_size=30))
def test_the_gate_spares_no_rule_a_spliced_text_that_it_would_find_something_in(texts: list[str]) -> None:
    assert blind(ALL, texts) == []


@pytest.mark.parametrize("profile", ["fast", "plugin"])
def test_a_batch_and_its_texts_one_by_one_have_the_same_spans(profile: str) -> None:
    detector = build_detector() if profile == "fast" else Detector(ALL, ner=[])
    texts = [*TEXTS, *(t[3:40] + "\u200b" + t[:9] for t in TEXTS), "lone \ud800 13812345678", ""]
    assert len(texts) > 100
    assert detector.detect_batch(texts) == [detector.detect(text) for text in texts]


def test_every_rule_has_triggers() -> None:
    assert [rule.name for rule in ALL if not rule.triggers] == []


def test_a_rule_without_triggers_reads_every_text() -> None:
    rule = Rule("any", ("X",), online.QQ.needs, online.QQ.find)
    assert Gate([trigger(rule)]).admits(pl_text("a")) == [1]


def pl_text(text: str) -> pl.Series:
    return pl.Series([text])


@settings(max_examples=100, deadline=None)
@given(st.lists(spliced() | st.text(), min_size=1, max_size=10))
def test_a_batch_is_folded_as_each_text_is(texts: list[str]) -> None:
    plain, odd = fold_batch(texts)
    expected = [fold(text) for text in texts]
    for place, folded in enumerate(expected):
        if place in odd:
            assert odd[place] == folded
        else:
            assert (plain[place], None) == (folded.text, folded.origin)


def test_ordinary_characters_fold_to_themselves() -> None:
    ordinary = [chr(c) for c in range(sys.maxunicode + 1) if re.match(f"[{ORDINARY}]", chr(c))]
    assert len(ordinary) > 25_000
    assert all(fold(c).text == c and fold(c).origin is None for c in ordinary)


@pytest.mark.parametrize(
    ("pattern", "relaxed"),
    [
        (r"a(?=b)c$", "ac"),
        (r"(?<![0-9A-Z])x(?!y)", r"(?:^|[^0-9A-Z])x"),
        (r"x(?![0-9])", r"x(?:[^0-9]|$)"),
        (r"x(?![0-9])|(?<![a-z])y", "x|y"),
        (r"(?P<a>b)(?P=a)", "(?:b)(?s:.*)"),
        (r"(b)\1c", "(b)(?s:.*)c"),
        (r"[a(?=&\]~[]", r"[a(?=\&\]\~\[]"),
        (r"(?<!a(?:b)(?=(c)))[)](?i:q)", "[)](?i:q)"),
    ],
)
def test_a_relaxed_pattern_drops_what_only_narrows(pattern: str, relaxed: str) -> None:
    assert relax(pattern) == relaxed


def test_a_starting_pattern_is_relaxed_to_its_body() -> None:
    assert relax(starting("0-9+(", "(?<![0-9])(?:a|1)[0-9]").pattern).startswith("(?:^|[^0-9])(?:")
    assert "(?<" not in relax(online._V4.pattern)


def test_a_text_that_is_too_long_is_one_finding_and_never_passes_for_clean() -> None:
    long = "好" * (MAX_TEXT + 1)
    detector = build_detector()
    for found in (detector.detect(long), detector.detect_batch([long, *TEXTS])[0]):
        assert [(s.start, s.end, s.type, s.rule) for s in found] == [(0, len(long), "UNSCANNED", "too_long")]
    assert detector.detect(long[1:]) == ()


def test_triggers_that_forget_a_pattern_are_caught() -> None:
    texts = ["电话010-62345678", "手机13912345678"]
    assert blind([phones.CN_PHONE], texts) == []
    assert blind([narrow_gate.RULE], texts) == [("cn_phone", texts[0])]


def test_a_label_of_any_kind_admits_the_name_behind_it() -> None:
    texts = ["经手者:丁睿", "发起方名称:王波杰"]
    assert blind([person.RULE], texts) == []
    assert blind([narrow_gate.UNLABELLED], texts) == [("person", text) for text in texts]


@pytest.mark.parametrize(
    "text",
    ["4111 1111 1111 1111", "account 123456789012347", "6222021234567890 这张银行卡", "SSN 078 05 1120"],
)
def test_a_number_is_admitted_by_its_prefix_or_by_a_word_about_it(text: str) -> None:
    assert build_detector().detect(text)
    assert blind(ALL, [text]) == []
