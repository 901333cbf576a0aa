"""Han text comes back from every encoding as it went in, or is refused; never as other text."""

from __future__ import annotations

import pytest
from fakes.encoded import decode_text
from hypothesis import given
from hypothesis import strategies as st

from service.errors import ContractError

CODECS = {"utf-8": "utf-8", "utf-16": "utf-16", "gb18030": "gb18030", "big5": "cp950"}
GB_LEVEL_1 = [
    bytes([a, b]).decode("gb2312")
    for a in range(0xB0, 0xD8)
    for b in range(0xA1, 0xFF)
    if (a, b) < (0xD7, 0xFA)
]
BIG5_LEVEL_1 = [
    bytes([a, b]).decode("big5") for a in range(0xA4, 0xC6) for b in (*range(0x40, 0x7F), *range(0xA1, 0xFF))
]
everyday = {
    "utf-8": st.sampled_from(GB_LEVEL_1 + BIG5_LEVEL_1),
    "utf-16": st.sampled_from(GB_LEVEL_1 + BIG5_LEVEL_1),
    "gb18030": st.sampled_from(GB_LEVEL_1),
    "big5": st.sampled_from(BIG5_LEVEL_1),
}


@pytest.mark.parametrize("encoding", CODECS)
@given(data=st.data())
def test_a_named_encoding_returns_the_text(encoding: str, data: st.DataObject) -> None:
    text = data.draw(st.text(everyday[encoding] | st.sampled_from("a,\n，。"), min_size=1))

    assert decode_text(text.encode(CODECS[encoding]), encoding) == (text, encoding)


@pytest.mark.parametrize("encoding", CODECS)
@given(data=st.data())
def test_long_everyday_text_is_decided_rightly_or_refused(encoding: str, data: st.DataObject) -> None:
    text = data.draw(st.text(everyday[encoding] | st.sampled_from("a,\n"), min_size=30, max_size=300))
    raw = text.encode(CODECS[encoding])
    if encoding in {"gb18030", "big5"} and _is_utf8(raw):
        return  # the second rule comes first

    try:
        found = decode_text(raw)
    except ContractError as refused:
        assert "possible" in refused.fields  # noqa: PT017  any other exception fails the test
    else:
        assert found == (text, encoding)


@given(st.binary(max_size=300), st.sampled_from(["", *CODECS]))
def test_no_bytes_break_the_rules_and_accepted_ones_come_back(data: bytes, named: str) -> None:
    try:
        text, encoding = decode_text(data, named)
    except ContractError as refused:
        assert refused.reason  # noqa: PT017  any other exception fails the test
    else:
        assert text.encode(CODECS[encoding]).decode(CODECS[encoding]) == text


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
