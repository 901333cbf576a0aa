"""The profile ``accurate``: what models and English rules add, and what arbitration makes of both."""

import pytest
from fakes.identifiers import luhn

from privacy.pii.checksums import is_iban
from privacy.pii.detect import build_detector
from privacy.pii.findings import CUE, IN_CONTEXT, NER, VALIDATED, Span, joined

ACCURATE = build_detector(profile="accurate")


def _found(text: str) -> list[tuple[str, str]]:
    return [(s.type, text[s.start : s.end]) for s in ACCURATE.detect(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("张海迪喜欢游泳", ("PERSON", "张海迪")),
        ("昨日走访河南省郑州市金水区", ("LOCATION", "河南省郑州市金水区")),
        ("住北京市朝阳区望京街道8栋2单元1503室", ("LOCATION", "北京市朝阳区望京街道8栋2单元1503室")),
        ("客户Emma Taylor来电", ("PERSON", "Emma Taylor")),
        ("Emma B. Taylor lost her card", ("PERSON", "Emma B. Taylor")),
        ("to 12 Oak Street, Springfield, IL 62704", ("LOCATION", "12 Oak Street, Springfield, IL 62704")),
        ("unit 1009 box 0219\ndpo ap 51065", ("LOCATION", "unit 1009 box 0219\ndpo ap 51065")),
        ("she lives in New Zealand now", ("LOCATION", "New Zealand")),
        ("call me on 0490 75 40 81", ("PHONE_NUMBER", "0490 75 40 81")),
        ("they used (202) 555-0143 x12", ("PHONE_NUMBER", "(202) 555-0143 x12")),
        ("IBAN GB82 WEST 1234 5698 7654 32 is mine", ("IBAN_CODE", "GB82 WEST 1234 5698 7654 32")),
        ("his social security number is 856-45-6789", ("US_SSN", "856-45-6789")),
        (f"card {luhn('411111111111112')} please", ("CREDIT_CARD", luhn("411111111111112"))),
        ("born on March 3, 1990 in a village", ("DATE_TIME", "March 3, 1990")),
        ("出生日期：1990年3月3日", ("DATE_TIME", "1990年3月3日")),
        ("see https://www.example.org/me?x=1.", ("URL", "https://www.example.org/me?x=1")),
        ("full width ＩＢＡＮ ＧＢ82WEST12345698765432", ("IBAN_CODE", "ＧＢ82WEST12345698765432")),
    ],
)  # fmt: skip
def test_what_the_models_and_english_rules_add(text: str, expected: tuple[str, str]) -> None:
    assert expected in _found(text)


@pytest.mark.parametrize(
    "text",
    [
        "order 202403011234567 was shipped",
        "the invoice of 2024-03-01 is due",
        "amount 1,234,567.89 and version 10.2.3",
        "ref 4111 1111 1111 1112",
        "授信额度939,807.64元，已用886,753.53元，申请编号HT202416944151",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert _found(text) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("GB83 WEST 1234 5698 7654 32", "IBAN_CODE"),
        ("ssn 666-12-3456 or 000-12-3456", "US_SSN"),
        ("card 4111 1111 1111 1111 of 2024-01-01", "DATE_TIME"),
    ],
)
def test_a_wrong_check_or_range_is_not_reported_as_that_type(text: str, kind: str) -> None:
    assert kind not in {found for found, _ in _found(text)}


def test_a_number_that_is_validated_beats_a_model() -> None:
    text = "Emma, IBAN GB82WEST12345698765432, call +44 20 7946 0958"
    scores = {s.type: s.score for s in ACCURATE.detect(text)}
    assert scores["IBAN_CODE"] == VALIDATED
    assert scores["PHONE_NUMBER"] == IN_CONTEXT
    assert NER < CUE < IN_CONTEXT < VALIDATED


def test_readings_of_one_thing_are_one_finding() -> None:
    text = "户名徐英开户行 Emma Taylor 北京市朝阳区"
    spans = [
        Span(2, 4, "PERSON", CUE, "cue"), Span(2, 7, "PERSON", NER, "lac"),
        Span(8, 12, "PERSON", CUE, "cue"), Span(8, 19, "PERSON", NER, "en"),
        Span(4, 7, "ORGANIZATION", NER, "lac"), Span(20, 23, "LOCATION", NER, "lac"),
        Span(23, 26, "LOCATION", NER, "lac"),
    ]  # fmt: skip
    assert [(s.start, s.end, s.type) for s in joined(spans, text)] == [
        (2, 4, "PERSON"), (4, 7, "ORGANIZATION"), (8, 19, "PERSON"), (20, 26, "LOCATION"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "iban", ["GB82WEST12345698765432", "DE89370400440532013000", "FR1420041010050500013M02606"]
)
def test_published_account_numbers_pass_and_one_changed_digit_fails(iban: str) -> None:
    assert is_iban(iban)
    assert not is_iban(iban[:-1] + str((int(iban[-1]) + 1) % 10))


def test_a_card_number_behind_two_letters_is_no_iban() -> None:
    assert not is_iban("Bz6230707282982809")  # its check digits fit, but Belize has none


@pytest.mark.parametrize(
    "unit", ["12 ", "a1@b.c ", "www.a(", "GB82 ", "1990-01-01 born ", "PO Box 1 ", "张三住", "(+1", "Emma "]
)
def test_long_repetitions_come_to_an_end(unit: str) -> None:
    text = unit * (6000 // len(unit))
    assert len(ACCURATE.detect(text)) <= len(text)
