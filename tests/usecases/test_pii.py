"""``pii scan`` and ``pii classify`` as a person runs them: no token, no data directory."""

import io
import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from fakes.command import CommandLine
from fakes.workbooks import make_workbook

from service.errors import ContractError
from service.usecases.pii import classify_file, draft_contract
from service.wiring import FILES, load_contract

CSV = "姓名,身份证号,手机号,备注,amount,sex\n王芳,11010519491231002X,13812345678,客户表示满意,12.50,F\n"


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "nothing-here", {})


@pytest.mark.parametrize("profile", ["fast", "accurate"])
def test_scan_prints_spans_of_each_line(line: CommandLine, tmp_path: Path, profile: str) -> None:
    file = tmp_path / "notes.jsonl"
    texts = ["满意", "手机\u200b１３９１２３４５６７８，谢谢", "half a pair \ud800 of user@example.com"]
    file.write_text("\n\n".join(json.dumps({"text": t, "lang": "zh"}) for t in texts), encoding="utf-8")
    ran = line.call("pii", "scan", file, "--profile", profile, "--json")
    assert ran.code == 0, ran.err
    found = [json.loads(answer) for answer in ran.out.splitlines()]
    assert [answer["line"] for answer in found] == [1, 3, 5]
    assert found[0]["spans"] == []
    phone = {"start": 3, "end": 14, "type": "PHONE_NUMBER", "score": 0.85, "rule": "cn_mobile"}
    assert found[1]["spans"] == [phone]
    assert [s["type"] for s in found[2]["spans"]] == ["EMAIL_ADDRESS"]
    assert "PHONE_NUMBER 3-14" in line.call("pii", "scan", file).out


@pytest.mark.parametrize("bad", ["[]", "no json", '{"text": 1}', '{"note": "x"}', "[" * 100_000])
def test_a_bad_line_is_named_by_its_number_and_not_repeated(
    line: CommandLine, tmp_path: Path, bad: str
) -> None:
    file = tmp_path / "notes.jsonl"
    file.write_text('{"text": "ok"}\n' + bad, encoding="utf-8")
    ran = line.call("pii", "scan", file, "--json")
    assert ran.code == 2
    assert json.loads(ran.err.splitlines()[-1])["fields"] == {"line": 2}
    assert [json.loads(answer)["line"] for answer in ran.out.splitlines()] == [1]


def test_an_unknown_profile_and_a_missing_file_are_usage_errors(line: CommandLine, tmp_path: Path) -> None:
    assert line.call("pii", "scan", tmp_path / "none.jsonl").code == 2
    (tmp_path / "a.jsonl").write_text("{}")
    assert line.call("pii", "scan", tmp_path / "a.jsonl", "--profile", "best").code == 2
    assert line.call("pii", "classify", tmp_path / "none.csv").code == 2


def test_the_profile_that_is_taken_without_being_asked_for_is_said_once(
    line: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "ok"}\n' * 2)
    ran = line.call("pii", "scan", tmp_path / "a.jsonl")
    assert ran.err.splitlines() in (["profile: accurate"], ["profile: fast"])
    assert line.call("pii", "scan", tmp_path / "a.jsonl", "--profile", "fast").err == ""


def test_several_workers_answer_as_one_does_and_in_order(line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    texts = [f"note {n}, mobile 139{n:08d}" for n in range(5000)]
    file.write_text("\n".join(json.dumps({"text": text}) for text in texts), encoding="utf-8")
    command = ("pii", "scan", file, "--profile", "fast", "--json")
    one, two = line.call(*command), line.call(*command, "--workers", "2")
    assert one.out == two.out
    assert [json.loads(answer)["line"] for answer in two.out.splitlines()] == list(range(1, 5001))
    with file.open("a") as more:
        more.write("\nno json\n")
    broken = line.call(*command, "--workers", "2")
    assert (broken.code, broken.out) == (2, one.out)


def test_the_profile_presidio_needs_a_model_with_its_digests(line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "ok"}')
    command = ("pii", "scan", tmp_path / "a.jsonl", "--profile", "presidio")
    assert line.call(*command).code == 2
    model, manifest = tmp_path / "model", tmp_path / "SHA256SUMS"
    model.mkdir()
    (model / "meta.json").write_text("{}")
    for text in ("", "0" * 64, f"{'0' * 64}  ../a.jsonl", f"{'0' * 64}  none.json"):
        manifest.write_text(text)
        assert line.call(*command, "--model", model, "--manifest", manifest).code == 2
    manifest.write_text(f"{'0' * 64}  ./meta.json\n")
    assert line.call(*command, "--model", model, "--manifest", manifest).code == 1


@pytest.mark.parametrize("suffix", [".tsv", ".parquet", ".xlsx"])
def test_other_tables_are_classified_as_the_csv_file_is(
    line: CommandLine, tmp_path: Path, suffix: str
) -> None:
    frame = pl.read_csv(io.StringIO(CSV), infer_schema=False)
    file = tmp_path / f"customers{suffix}"
    if suffix == ".xlsx":
        file.write_bytes(make_workbook([frame.columns, *frame.rows()]).read())
    else:
        frame.write_parquet(file) if suffix == ".parquet" else frame.write_csv(file, separator="\t")
    (tmp_path / "customers.csv").write_text(CSV, encoding="utf-8")
    ran = [line.call("pii", "classify", f, "--json").out for f in (file, tmp_path / "customers.csv")]
    assert ran[0] == ran[1]
    assert "CN_ID_CARD" in ran[0]
    file.write_bytes(b"PAR1")
    assert suffix == ".tsv" or line.call("pii", "classify", file).code != 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_classify_says_what_columns_are_and_drafts_a_contract_that_parses(
    line: CommandLine, tmp_path: Path, encoding: str
) -> None:
    file, draft = tmp_path / "customers.csv", tmp_path / "draft.yaml"
    file.write_bytes(CSV.encode(encoding))
    ran = line.call("pii", "classify", file, "--write", draft, "--json")
    assert ran.code == 0, ran.err
    columns = json.loads(ran.out)["columns"]
    assert [c["type"] for c in columns] == [
        "PERSON",
        "CN_ID_CARD",
        "PHONE_NUMBER",
        "TEXT",
        "NUMBER",
        "UNKNOWN",
    ]
    assert {"name", "type", "role", "class", "confidence", "evidence"} <= set(columns[0])
    contract, _ = load_contract(draft)
    assert [c.role.value for c in contract.columns if c.id_type] == [
        "direct_identifier",
        "subject_id",
        "direct_identifier",
    ]
    assert "ANSWER THIS" in draft.read_text(encoding="utf-8")
    assert not [
        v
        for v in ("王芳", "11010519491231002X", "13812345678", "12.50")
        if v in ran.said + draft.read_text("utf-8")
    ]
    assert line.call("pii", "classify", file, "--write", draft).code == 2


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2,3\n", b"\xff\xfe\xff", b'a\n"x'])
def test_what_is_no_table_is_refused(data: bytes) -> None:
    with pytest.raises(ContractError):
        classify_file(data, ".csv", FILES)


def test_a_workbook_is_classified_and_its_draft_parses(line: CommandLine, tmp_path: Path) -> None:
    file, draft = tmp_path / "visits.xlsx", tmp_path / "draft.yaml"
    rows: list[list[object]] = [["mobile", "visited_on", "note"], [13812345678, datetime(2026, 3, 4), "ok"]]  # noqa: DTZ001
    file.write_bytes(make_workbook(rows).read())
    ran = line.call("pii", "classify", file, "--write", draft, "--json")
    assert ran.code == 0, ran.err
    assert [(c["name"], c["type"]) for c in json.loads(ran.out)["columns"]][:2] == [
        ("mobile", "PHONE_NUMBER"), ("visited_on", "DATE"),
    ]  # fmt: skip
    assert load_contract(draft)[0].subject.name == "mobile"


@pytest.mark.parametrize(
    ("sheets", "why"),
    [
        ([[["mobile"], ["13812345678"]], [["email"], ["a@b.example"]]], "several visible sheets"),
        ([[]], "no visible sheet"),
        ([[["mobile", "mobile"], ["13812345678", "13812345678"]]], "names every column"),
        ([[["mobile", None], ["13812345678", "x"]]], "names every column"),
        ([[["mobile"], ["#N/A"]]], "without guessing"),
    ],
)
def test_a_workbook_that_must_be_guessed_is_refused(
    line: CommandLine, tmp_path: Path, sheets: list[list[list[object]]], why: str
) -> None:
    file = tmp_path / "book.xlsx"
    file.write_bytes(make_workbook(*sheets).read())
    ran = line.call("pii", "classify", file)
    assert ran.code == 2
    assert why in ran.err
    assert "13812345678" not in ran.said


def test_a_table_that_names_nobody_makes_no_contract() -> None:
    with pytest.raises(ContractError):
        draft_contract(classify_file(b"amount,day\n12.5,2024-01-01\n", ".csv", FILES), "t")
