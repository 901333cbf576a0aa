"""Surrogates: numbered per value, and nothing of a span is left."""

import re

from hypothesis import given
from hypothesis import strategies as st

from privacy.pii.findings import Span
from privacy.pii.redact import redact


def _span(start: int, end: int, kind: str = "PERSON") -> Span:
    return Span(start, end, kind, 1.0, "test")


def test_same_value_same_number_other_value_next_number() -> None:
    text = "王芳和李强，王芳"
    assert redact(text, [_span(0, 2), _span(3, 5), _span(6, 8)]) == "[PERSON_1]和[PERSON_2]，[PERSON_1]"


def test_spellings_of_a_number_share_their_surrogate() -> None:
    text = "139-1234-5678 １３９１２３４５６７８"
    spans = [_span(0, 13, "PHONE_NUMBER"), _span(14, 25, "PHONE_NUMBER")]
    assert redact(text, spans) == "[PHONE_NUMBER_1] [PHONE_NUMBER_1]"


def test_no_span_no_change() -> None:
    assert redact("客户满意", ()) == "客户满意"


def test_overlapping_spans_leave_nothing_between_them() -> None:
    assert redact("abcdef!", [_span(0, 4), _span(2, 6, "LOCATION")]) == "[PERSON_1][LOCATION_1]!"


@given(st.text("甲乙丙ABab12 ，", max_size=30), st.data())
def test_only_what_no_span_covers_is_kept(text: str, data: st.DataObject) -> None:
    points = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    pairs = [sorted(p) for p in data.draw(st.lists(points, max_size=4))]
    spans = [_span(a, b, "T") for a, b in pairs if a < b]
    covered = {i for s in spans for i in range(s.start, s.end)}
    output = redact(text, spans)
    for n in range(1, len(text) + 1):
        output = output.replace(f"[T_{n}]", "")
    kept = "".join(c for i, c in enumerate(text) if i not in covered)
    assert "".join(filter(str.isalnum, output)) == "".join(filter(str.isalnum, kept))


KEY = bytes(range(32))


def test_a_keyed_surrogate_is_the_same_in_every_text_and_spelling_and_differs_by_key_and_type() -> None:
    plain = redact("13912345678", [_span(0, 11, "PHONE_NUMBER")], KEY)
    assert re.fullmatch(r"\[PHONE_NUMBER_[A-Z2-7]{10}\]", plain)
    for text in ("139-1234-5678", "+86 １３９１２３４５６７８", "8613912345678"):
        assert redact(text, [_span(0, len(text), "PHONE_NUMBER")], KEY) == plain
    assert redact("13912345678", [_span(0, 11, "CN_QQ")], KEY)[-11:] != plain[-11:]
    assert redact("13912345678", [_span(0, 11, "PHONE_NUMBER")], bytes(32)) != plain
    assert redact("13912345679", [_span(0, 11, "PHONE_NUMBER")], KEY) != plain


def test_a_keyed_surrogate_never_changes_from_one_release_to_the_next() -> None:
    assert redact("王芳", [_span(0, 2)], KEY) == "[PERSON_JLTZIBB6X4]"


@given(st.text(min_size=1, max_size=20))
def test_any_value_has_a_keyed_surrogate(text: str) -> None:
    assert re.fullmatch(r"\[T_[A-Z2-7]{10}\]", redact(text, [_span(0, len(text), "T")], KEY))
