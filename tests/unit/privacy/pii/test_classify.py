"""Columns of tables: what they are, with and without telling names, and that no value is repeated."""

import random
from collections.abc import Callable

import polars as pl
import pytest
from fakes.identifiers import credit_code, luhn, resident_id

from privacy.pii.classify import ColumnClass, classify

ROWS = 400
RNG = random.Random(13)


def _digits(length: int) -> str:
    return "".join(RNG.choices("0123456789", k=length))


def _day() -> str:
    return f"{RNG.randrange(1950, 1999)}0{RNG.randrange(1, 10)}{RNG.randrange(10, 29)}"


#: column name, expected type, expected type when the name says nothing, a value.
COLUMNS: tuple[tuple[str, str, str | None, Callable[[], str]], ...] = (
    ("customer_id", "KEY", "KEY", lambda: f"C{RNG.randrange(10**12):012d}"),
    ("full_name", "PERSON", None, lambda: RNG.choice(["Emma ", "John "]) + RNG.choice(["Smith", "Taylor"])),
    ("email", "EMAIL_ADDRESS", "EMAIL_ADDRESS", lambda: f"u{_digits(6)}@example.com"),
    ("phone", "PHONE_NUMBER", "PHONE_NUMBER", lambda: f"({RNG.randrange(201, 999)}) 555-{_digits(4)}"),
    ("ssn", "US_SSN", "US_SSN", lambda: f"{RNG.randrange(100, 600)}-{RNG.randrange(10, 99)}-1{_digits(3)}"),
    ("card_number", "CREDIT_CARD", "CREDIT_CARD", lambda: luhn("4" + _digits(14))),
    ("dob", "BIRTH_DATE", "DATE", lambda: f"{RNG.randrange(1950, 1999)}-0{RNG.randrange(1, 10)}-11"),
    ("address", "LOCATION", None, lambda: f"{RNG.randrange(1, 999)} Oak Street, Springfield"),
    ("loan_amount", "NUMBER", "NUMBER", lambda: f"{RNG.randrange(10**7) / 100:.2f}"),
    ("order_no", "KEY", None, lambda: "2024" + _digits(12)),
    ("education", "CATEGORY", "CATEGORY", lambda: RNG.choice(["university", "school"])),
    ("opened_on", "DATE", "DATE", lambda: f"2024-0{RNG.randrange(1, 10)}-{RNG.randrange(10, 29)}"),
    ("note", "TEXT", "TEXT", lambda: "customer called about bill number " + _digits(5)),
    ("姓名", "PERSON", "PERSON", lambda: RNG.choice("王李张刘陈") + RNG.choice(["伟", "芳", "敏丽", "静芬"])),
    ("身份证号", "CN_ID_CARD", "CN_ID_CARD", lambda: resident_id("110105" + _day() + _digits(3))),
    ("手机号", "PHONE_NUMBER", "PHONE_NUMBER", lambda: "13" + _digits(9)),
    ("银行卡号", "CN_BANK_CARD", "CN_BANK_CARD", lambda: luhn("62" + _digits(16))),
    ("信用代码", "CN_USCC", "CN_USCC", lambda: credit_code("91110000MA" + _digits(7))),
    ("车牌", "CN_PLATE", "CN_PLATE", lambda: RNG.choice("京沪粤") + "A" + _digits(5)),
    ("住址", "LOCATION", "LOCATION", lambda: f"北京市朝阳区建国路{RNG.randrange(1, 999)}号1{_digits(2)}室"),
    ("出生日期", "BIRTH_DATE", "DATE", _day),
    ("性别", "CATEGORY", "CATEGORY", lambda: RNG.choice("男女")),
    ("余额", "NUMBER", "NUMBER", lambda: f"{RNG.randrange(10**9) / 100:,.2f}"),
    ("护照号", "CN_PASSPORT", None, lambda: "E" + _digits(8)),
    ("备注", "TEXT", "TEXT", lambda: "客户来电咨询账单分期并要求回电" + _digits(4)),
)  # fmt: skip
TABLE = pl.DataFrame({name: [value() for _ in range(ROWS)] for name, _, _, value in COLUMNS})


def test_every_column_is_what_it_is_with_its_name() -> None:
    assert [(c.name, c.type) for c in classify(TABLE)] == [(name, kind) for name, kind, _, _ in COLUMNS]


def test_what_values_alone_can_tell_needs_no_name() -> None:
    nameless = TABLE.rename({name: f"c{i}" for i, name in enumerate(TABLE.columns)})
    wrong = [
        (name, found.type)
        for found, (name, _, kind, _) in zip(classify(nameless), COLUMNS, strict=True)
        if kind and found.type != kind
    ]
    assert wrong == []


def test_one_subject_one_time_and_everything_unknown_is_kept_only_redacted() -> None:
    found = classify(TABLE)
    assert [c.name for c in found if c.role == "subject_id"] == ["身份证号"]
    assert [c.name for c in found if c.role == "event_time"] == ["opened_on"]
    assert {c.role for c in found if c.type in {"CN_PASSPORT", "LOCATION", "CN_PLATE", "TEXT"}} == {
        "free_text"
    }
    assert next(c.role for c in found if c.name == "性别") == "protected_attribute"


def test_a_name_that_says_so_lets_dirty_columns_count() -> None:
    values = [f"13{_digits(9)}" if i % 2 else "unknown " + _digits(3) for i in range(ROWS)]
    named, nameless = classify(pl.DataFrame({"手机": values, "x": values}))
    assert (named.type, nameless.type) == ("PHONE_NUMBER", "UNKNOWN")


def test_evidence_repeats_no_value() -> None:
    shown = " ".join(e for c in classify(TABLE) for e in c.evidence)
    assert [v for name in TABLE.columns for v in TABLE[name] if len(v) > 4 and v in shown] == []


@pytest.mark.parametrize("values", [[None, None], ["", " "], []])
def test_an_empty_column_is_unknown(values: list[str | None]) -> None:
    (found,) = classify(pl.DataFrame({"x": values}, schema={"x": pl.String}))
    assert found == ColumnClass("x", "UNKNOWN", "free_text", "C2", 0.0, ("empty",))


def test_full_width_and_split_values_count() -> None:
    full = str.maketrans("0123456789", "０１２３４５６７８９")
    ids = TABLE["身份证号"].to_list()
    frame = pl.DataFrame(
        {"a": [v.translate(full) for v in ids], "b": [f"{v[:6]} {v[6:14]} {v[14:]}" for v in ids]}
    )
    assert [c.type for c in classify(frame)] == ["CN_ID_CARD", "CN_ID_CARD"]
