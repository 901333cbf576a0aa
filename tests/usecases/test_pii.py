"""``pii scan`` and ``pii classify`` as a person runs them: no token, no data directory."""

import json
from pathlib import Path

import pytest
from fakes.command import CommandLine

from service.errors import ContractError
from service.usecases.pii import classify_csv, draft_contract
from service.wiring import load_contract

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
    assert json.loads(ran.err)["fields"] == {"line": 2}


def test_an_unknown_profile_and_a_missing_file_are_usage_errors(line: CommandLine, tmp_path: Path) -> None:
    assert line.call("pii", "scan", tmp_path / "none.jsonl").code == 2
    (tmp_path / "a.jsonl").write_text("{}")
    assert line.call("pii", "scan", tmp_path / "a.jsonl", "--profile", "best").code == 2
    assert line.call("pii", "classify", tmp_path / "none.csv").code == 2


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
        classify_csv(data)


def test_a_table_that_names_nobody_makes_no_contract() -> None:
    with pytest.raises(ContractError):
        draft_contract(classify_csv(b"amount,day\n12.5,2024-01-01\n"), "t")
