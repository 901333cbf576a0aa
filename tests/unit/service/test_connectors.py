from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from fakes.contracts import GOOD, HEADER, make_contract
from fakes.intake import read_all
from mutants.line_by_line_csv import read_line_by_line

from service.adapters.connectors.files import FileConnector
from service.domain.batch_ids import batch_id
from service.domain.batches import REJECTED
from service.errors import ContractError

CONTRACT = make_contract()


def _read(path: Path, content: bytes | str) -> tuple[pl.DataFrame, pl.DataFrame]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_all(path, CONTRACT)


def _refusal(path: Path, content: bytes | str) -> ContractError:
    with pytest.raises(ContractError) as refused:
        _read(path, content)
    return refused.value


def _rules(rejected: pl.DataFrame) -> list[tuple[int, str, str]]:
    assert rejected.schema == REJECTED
    return [(row, rule, column) for row, rule, column, *_ in rejected.rows()]


def test_a_csv_file_becomes_typed_rows(tmp_path: Path) -> None:
    frame, rejected = _read(tmp_path / "a.csv", f"{HEADER}\n{GOOD}\n")

    assert frame.schema == {
        "_row": pl.UInt32,
        "mobile": pl.String,
        "day": pl.Date,
        "channel": pl.String,
        "amount": pl.Int64,
        "text": pl.String,
    }
    assert frame.rows() == [(1, "15400000001", date(2005, 4, 1), "phone", 7, "hello")]
    assert rejected.is_empty()


def test_the_order_of_columns_in_the_file_does_not_matter(tmp_path: Path) -> None:
    frame, _ = _read(
        tmp_path / "a.csv", "text,amount,channel,day,mobile\nhello,7,phone,2005-04-01,15400000001\n"
    )

    assert frame.row(0)[1:] == ("15400000001", date(2005, 4, 1), "phone", 7, "hello")


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends_change_nothing(tmp_path: Path, bom: bytes, end: str) -> None:
    frame, rejected = _read(tmp_path / "a.csv", bom + end.join([HEADER, GOOD, GOOD, ""]).encode())

    assert frame["text"].to_list() == ["hello", "hello"]
    assert rejected.is_empty()


def test_quoted_fields_hold_separators_quotes_and_line_ends(tmp_path: Path) -> None:
    quoted = GOOD.replace("hello", '"a, ""b""\nc"')
    frame, rejected = _read(tmp_path / "a.csv", f"{HEADER}\n{quoted}\n{GOOD}")

    assert frame["text"].to_list() == ['a, "b"\nc', "hello"]
    assert frame["_row"].to_list() == [1, 2]
    assert rejected.is_empty()


def test_tab_separated_files_are_read(tmp_path: Path) -> None:
    frame, _ = _read(tmp_path / "a.tsv", f"{HEADER}\n{GOOD}\n".replace(",", "\t"))

    assert frame.height == 1


BAD_FIELDS = [
    ("15400000001", "", "missing_value", "mobile"),
    ("15400000001", '""', "missing_value", "mobile"),
    ("15400000001", "154\x07", "control_character", "mobile"),
    ("2005-04-01", "2005-02-30", "not_a_date", "day"),
    ("2005-04-01", "2005-4-1", "not_a_date", "day"),
    ("2005-04-01", "01/04/2005", "not_a_date", "day"),
    ("phone", "fax", "unknown_category", "channel"),
    ("phone", "Phone", "unknown_category", "channel"),
    (",7,", ",7.0,", "not_an_integer", "amount"),
    (",7,", ",+7,", "not_an_integer", "amount"),
    (",7,", ",1e3,", "not_an_integer", "amount"),
    (",7,", ",007,", "not_an_integer", "amount"),
    (",7,", ", 7,", "not_an_integer", "amount"),
    (",7,", ",٧,", "not_an_integer", "amount"),
    (",7,", ',"1,000",', "not_an_integer", "amount"),
    (",7,", ",9223372036854775808,", "integer_out_of_range", "amount"),
    (",hello", "", "wrong_field_count", ""),
    (",hello", ",hello,", "wrong_field_count", ""),
    ("hello", 'he"llo', "broken_quotes", ""),
    ("hello", '"hello', "broken_quotes", ""),
    (GOOD, "", "wrong_field_count", ""),
]


@pytest.mark.parametrize(("old", "new", "rule", "column"), BAD_FIELDS)
def test_a_bad_row_is_set_aside_with_its_rule(
    tmp_path: Path, old: str, new: str, rule: str, column: str
) -> None:
    frame, rejected = _read(tmp_path / "a.csv", f"{HEADER}\n{GOOD}\n{GOOD.replace(old, new)}\n")

    assert frame["_row"].to_list() == [1]
    assert _rules(rejected) == [(2, rule, column)]


def test_extremes_of_64_bits_and_values_beyond_the_clipping_bounds_are_kept(tmp_path: Path) -> None:
    lines = [GOOD.replace(",7,", f",{n},") for n in (-(2**63), 2**63 - 1, 0)]
    frame, _ = _read(tmp_path / "a.csv", "\n".join([HEADER, *lines]))

    assert frame["amount"].to_list() == [-(2**63), 2**63 - 1, 0]


def test_an_empty_optional_field_is_null(tmp_path: Path) -> None:
    frame, rejected = _read(tmp_path / "a.csv", f"{HEADER}\n{GOOD.replace('hello', '')}")

    assert frame["text"].to_list() == [None]
    assert rejected.is_empty()


SMUGGLED = f'{HEADER}\n{GOOD}\n{GOOD.replace("hello", chr(34) + "begin")}\n{GOOD}\nend"x\n{GOOD}\n'


def test_a_row_smuggled_into_an_unclosed_field_is_not_taken_in(tmp_path: Path) -> None:
    frame, rejected = _read(tmp_path / "a.csv", SMUGGLED)

    assert frame["_row"].to_list() == [1, 5]
    assert _rules(rejected) == [(n, "broken_quotes", "") for n in (2, 3, 4)]


def test_a_reader_that_judges_lines_alone_takes_the_smuggled_row() -> None:
    assert read_line_by_line(SMUGGLED.encode(), CONTRACT).height == 3


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_an_empty_file_is_refused(tmp_path: Path, suffix: str) -> None:
    assert "empty" in _refusal(tmp_path / f"a{suffix}", b"").reason


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    frame, rejected = _read(tmp_path / "a.csv", HEADER)

    assert (frame.height, rejected.height) == (0, 0)


def test_an_unknown_column_is_named(tmp_path: Path) -> None:
    error = _refusal(tmp_path / "a.csv", f"{HEADER},nickname\n{GOOD},x\n")

    assert error.fields["column"] == "nickname"


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    error = _refusal(tmp_path / "a.csv", "mobile,day,channel,text\n1,2,3,4\n")

    assert error.fields["column"] == "amount"


def test_a_repeated_column_is_named(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "a.csv", f"{HEADER},text\n").fields["column"] == "text"


@pytest.mark.parametrize("name", ["王芳", "15400000001", "wang@example.com"])
def test_a_column_that_looks_like_a_value_is_named_by_position(tmp_path: Path, name: str) -> None:
    error = _refusal(tmp_path / "a.csv", f"{HEADER},{name}\n")

    assert name not in str(error)
    assert error.fields["position"] == 6


def test_a_file_without_header_does_not_show_its_first_row(tmp_path: Path) -> None:
    error = _refusal(tmp_path / "a.csv", f"{GOOD}\n{GOOD}\n")

    assert "hello" not in str(error)
    assert "header" in error.reason


def test_another_encoding_is_refused_with_the_first_wrong_byte(tmp_path: Path) -> None:
    content = f"{HEADER}\n".encode() + GOOD.replace("hello", "张").encode("gb18030")

    assert _refusal(tmp_path / "a.csv", content).fields["byte"] == content.index("张".encode("gb18030"))
    assert _refusal(tmp_path / "a.csv", b"\xef\xbb\xbf" + content).fields["byte"] == 3 + content.index(
        b"\xd5"
    )


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_utf_16_without_a_mark_and_other_nul_bytes_are_refused(tmp_path: Path, suffix: str) -> None:
    assert "NUL" in _refusal(tmp_path / f"a{suffix}", HEADER.encode("utf-16-le")).reason


def test_links_folders_pipes_and_absent_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text(f"{HEADER}\n{GOOD}\n", encoding="utf-8")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")

    for name in ("link", "folder", "pipe", "absent"):
        path = tmp_path / f"{name}.csv"
        with pytest.raises(ContractError):
            read_all(path, CONTRACT)


@pytest.mark.parametrize("name", ["a.xls", "a", "a.csv.gz"])
def test_another_suffix_is_refused(tmp_path: Path, name: str) -> None:
    assert "suffix" in _refusal(tmp_path / name, HEADER).reason


def _line(**changes: object) -> str:
    good = {"mobile": "15400000001", "day": "2005-04-01", "channel": "phone", "amount": 7, "text": "hello"}
    return json.dumps({**good, **changes}, ensure_ascii=False)


def test_json_lines_become_typed_rows(tmp_path: Path) -> None:
    frame, rejected = _read(tmp_path / "a.jsonl", f"{_line()}\n{_line(text=None, amount='8')}\n")

    assert frame.rows() == [
        (1, "15400000001", date(2005, 4, 1), "phone", 7, "hello"),
        (2, "15400000001", date(2005, 4, 1), "phone", 8, None),
    ]
    assert rejected.is_empty()


@pytest.mark.parametrize(
    ("line", "rule", "column"),
    [
        ("", "not_json", ""),
        ("[1]", "not_json", ""),
        ('{"mobile": ', "not_json", ""),
        ('{"mobile": NaN}', "not_json", ""),
        (_line() + " x}", "not_json", ""),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "not_json", ""),
        (_line() + _line(), "duplicate_key", ""),
        (_line()[:-1] + ', "text": "again"}', "duplicate_key", ""),
        (_line(amount=7.5), "not_an_integer", "amount"),
        (_line(amount=True), "not_an_integer", "amount"),
        (_line(amount=2**63), "integer_out_of_range", "amount"),
        (_line(amount=10**30), "integer_out_of_range", "amount"),
        (_line(channel=["phone"]), "unknown_category", "channel"),
        (_line(mobile=None), "missing_value", "mobile"),
        (_line(text="a\x00b"), "control_character", "text"),
    ],
)
def test_a_bad_json_line_is_set_aside_with_its_rule(
    tmp_path: Path, line: str, rule: str, column: str
) -> None:
    frame, rejected = _read(tmp_path / "a.jsonl", f"{_line()}\n{line}\n{_line()}\n")

    assert frame["_row"].to_list() == [1, 3]
    assert _rules(rejected) == [(2, rule, column)]


def test_an_unknown_json_key_is_named_wherever_it_comes(tmp_path: Path) -> None:
    lines = [_line()] * 500 + [_line(nickname="x")]

    assert _refusal(tmp_path / "a.jsonl", "\n".join(lines)).fields["column"] == "nickname"


def test_a_json_key_that_no_line_has_is_named(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "a.jsonl", '{"mobile": "15400000001"}').fields["column"] == "day"


def test_text_that_is_no_json_is_refused(tmp_path: Path) -> None:
    assert "JSON" in _refusal(tmp_path / "a.jsonl", f"{HEADER}\n{GOOD}\n").reason


def _frame(**changes: pl.Series) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "mobile": ["15400000001", "15400000002"],
            "day": [date(2005, 4, 1)] * 2,
            "channel": ["phone", "fax"],
            "amount": [7, 8],
            "text": ["a", None],
        }
    ).with_columns(**changes)


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt64, pl.String])
def test_parquet_becomes_typed_rows(tmp_path: Path, dtype: type[pl.DataType]) -> None:
    _frame(amount=pl.Series([7, 8]).cast(dtype)).write_parquet(tmp_path / "a.parquet")

    frame, rejected = read_all(tmp_path / "a.parquet", CONTRACT)

    assert frame.rows() == [(1, "15400000001", date(2005, 4, 1), "phone", 7, "a")]
    assert _rules(rejected) == [(2, "unknown_category", "channel")]


def test_a_parquet_integer_beyond_64_bits_is_set_aside(tmp_path: Path) -> None:
    _frame(amount=pl.Series([2**64 - 1, 1], dtype=pl.UInt64)).write_parquet(tmp_path / "a.parquet")

    _, rejected = read_all(tmp_path / "a.parquet", CONTRACT)

    assert _rules(rejected)[0] == (1, "integer_out_of_range", "amount")


@pytest.mark.parametrize("amount", [pl.Series([7.0, 8.0]), pl.Series([[1], [2]]), pl.Series([True, False])])
def test_a_parquet_column_of_another_type_is_refused(tmp_path: Path, amount: pl.Series) -> None:
    _frame(amount=amount).write_parquet(tmp_path / "a.parquet")

    with pytest.raises(ContractError) as refused:
        read_all(tmp_path / "a.parquet", CONTRACT)

    assert refused.value.fields["column"] == "amount"


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    _frame().write_parquet(tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()

    for broken in (whole[:-7], b"PAR1" + b"\xff" * 100 + b"PAR1", b"x" + whole[1:]):
        assert "Parquet" in _refusal(tmp_path / "b.parquet", broken).reason


def test_the_batch_id_changes_with_source_content_and_contract(tmp_path: Path) -> None:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text("a", encoding="utf-8")
    second.write_text("a", encoding="utf-8")
    content = FileConnector().open(first).digest
    assert FileConnector().open(second).digest == content
    second.write_text("b", encoding="utf-8")
    other = FileConnector().open(second).digest

    ids = {batch_id("core", content, "c1"), batch_id("core", other, "c1"), batch_id("crm", content, "c1")}

    assert len(ids | {batch_id("core", content, "c2")}) == 4
    assert {len(found) for found in ids} == {64}
