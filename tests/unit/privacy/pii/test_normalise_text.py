"""Folding keeps track of where each character came from."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.pii.normalise_text import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("１３８：ＡＢｃ", "138:ABc"),
        ("1\u200b2\ufeff3\u202e4\u2066", "1234"),
        ("1\u00ad2\ufe0f", "12"),
        ("\u0661\u0662\u096b", "125"),
        ("1\u20112\u20133\uff0d4", "1-2-3-4"),
        ("\u3000\u00a0", "  "),
        ("①13912345678", "①13912345678"),
        ("m²9", "m²9"),
        ("\U0001d7ce", "0"),
        ("ﬁ", "fi"),
    ],
)
def test_what_a_text_reads_as(text: str, folded: str) -> None:
    assert fold(text).text == folded


@given(st.text())
def test_each_folded_character_comes_from_its_original(text: str) -> None:
    folded = fold(text)
    for i, character in enumerate(folded.text):
        start, end = folded.original(i, i + 1)
        assert end == start + 1
        assert character in fold(text[start]).text


@given(st.text(min_size=1), st.data())
def test_offsets_keep_their_order_and_stay_inside(text: str, data: st.DataObject) -> None:
    folded = fold(text)
    if not folded.text:
        return
    a = data.draw(st.integers(0, len(folded.text) - 1))
    b = data.draw(st.integers(a + 1, len(folded.text)))
    start, end = folded.original(a, b)
    assert 0 <= start < end <= len(text)
    assert folded.text[a:b] in fold(text[start:end]).text


@given(st.text())
def test_nothing_invisible_and_no_foreign_digit_is_left(text: str) -> None:
    categories = {unicodedata.category(c) for c in fold(text).text if not c.isascii()}
    assert not categories & {"Cf", "Nd"}


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    once = fold(text).text
    assert fold(once).text == once
