"""Check digits: published examples, and no single wrong character passes."""

import pytest
from fakes.identifiers import cards, credit_code, resident_ids
from hypothesis import given
from hypothesis import strategies as st

from privacy.pii.checksums import is_credit_code, is_date, is_hk_id, is_luhn, is_resident_id, is_tw_id


@pytest.mark.parametrize("value", ["11010519491231002X", "440524188001010014"])
def test_examples_of_gb_11643_pass(value: str) -> None:
    assert is_resident_id(value)
    assert is_resident_id(value.lower())


def test_example_of_gb_32100_passes() -> None:
    assert is_credit_code("91350100M000100Y43")
    assert is_credit_code("91350100m000100y43")


@pytest.mark.parametrize("value", ["4111111111111111", "79927398713", "378282246310005"])
def test_published_luhn_numbers_pass(value: str) -> None:
    assert is_luhn(value)


def test_one_repeated_digit_is_no_card() -> None:
    assert not is_luhn("0" * 16)


@pytest.mark.parametrize(("value", "valid"), [("A1234563", True), ("AB9876543", True), ("A1234564", False)])
def test_hong_kong_identity_cards(value: str, valid: bool) -> None:  # noqa: FBT001
    assert is_hk_id(value) is valid


@pytest.mark.parametrize(("value", "valid"), [("A123456789", True), ("A123456788", False)])
def test_taiwan_identity_cards(value: str, valid: bool) -> None:  # noqa: FBT001
    assert is_tw_id(value) is valid


@pytest.mark.parametrize("digits", ["20230229", "20231301", "00000000", "18791231"])
def test_impossible_birth_dates(digits: str) -> None:
    assert not is_date(digits)


@pytest.mark.parametrize("value", ["990105194912310029", "000105194912310021"])
def test_a_province_that_is_none_fails(value: str) -> None:
    assert not is_resident_id(value)


@given(resident_ids(), st.integers(0, 17), st.sampled_from("0123456789X"))
def test_no_single_wrong_character_of_a_resident_id_passes(value: str, at: int, wrong: str) -> None:
    mutant = value[:at] + wrong + value[at + 1 :]
    assert is_resident_id(value)
    if mutant != value and (wrong != "X" or at == 17):
        assert not is_resident_id(mutant)


@given(cards(), st.integers(0, 15), st.sampled_from("0123456789"))
def test_no_single_wrong_digit_of_a_card_passes(value: str, at: int, wrong: str) -> None:
    assert is_luhn(value)
    assert is_luhn(value[:at] + wrong + value[at + 1 :]) is (value[at] == wrong)


@given(
    st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=17, max_size=17),
    st.integers(0, 17),
    st.sampled_from("0AY"),
)
def test_no_single_wrong_character_of_a_credit_code_passes(body: str, at: int, wrong: str) -> None:
    value = credit_code(body)
    assert is_credit_code(value)
    assert is_credit_code(value[:at] + wrong + value[at + 1 :]) is (value[at] == wrong)
