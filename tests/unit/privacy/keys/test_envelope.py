"""A box opens with its own key, subject, class and schema, unaltered, and in no other way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import KeyFormatError, SealBrokenError
from privacy.keys.envelope import open_sealed, seal

KEY = bytes(range(32))


@given(st.binary(max_size=200), st.integers(0, 2**62), st.text(max_size=12), st.integers(0, 9))
def test_what_is_sealed_opens(document: bytes, subject: int, data_class: str, schema: int) -> None:
    box = seal(KEY, document, subject=subject, data_class=data_class, schema=schema)
    assert len(box) == len(document) + 28
    assert open_sealed(KEY, box, subject=subject, data_class=data_class, schema=schema) == document


@given(st.integers(0, 8 * 38 - 1))
def test_any_flipped_bit_breaks_the_seal(bit: int) -> None:
    box = bytearray(seal(KEY, b"0123456789", subject=1, data_class="contact", schema=1))
    box[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBrokenError):
        open_sealed(KEY, bytes(box), subject=1, data_class="contact", schema=1)


@pytest.mark.parametrize(
    ("subject", "data_class", "schema"), [(2, "contact", 1), (1, "identity", 1), (1, "contact", 2)]
)
def test_another_context_does_not_open(subject: int, data_class: str, schema: int) -> None:
    box = seal(KEY, b"{}", subject=1, data_class="contact", schema=1)
    with pytest.raises(SealBrokenError) as caught:
        open_sealed(KEY, box, subject=subject, data_class=data_class, schema=schema)
    assert (caught.value.data_class, caught.value.schema) == (data_class, schema)


@pytest.mark.parametrize("length", [0, 12, 27])
def test_a_cut_box_is_broken(length: int) -> None:
    with pytest.raises(SealBrokenError):
        open_sealed(KEY, bytes(length), subject=1, data_class="contact", schema=1)


def test_another_key_or_a_short_key_does_not_open() -> None:
    box = seal(KEY, b"{}", subject=1, data_class="contact", schema=1)
    with pytest.raises(SealBrokenError):
        open_sealed(bytes(32), box, subject=1, data_class="contact", schema=1)
    with pytest.raises(KeyFormatError):
        open_sealed(KEY[:16], box, subject=1, data_class="contact", schema=1)


def test_the_same_document_never_gives_the_same_box() -> None:
    boxes = {seal(KEY, b"{}", subject=1, data_class="contact", schema=1) for _ in range(100)}
    assert len(boxes) == 100
