"""Birth date and address: sealed like any identifier, evidence for one view, and nobody's alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.contract_documents import format_contract
from fakes.intake import STEWARD, entries_of, open_intake, stored_text, subject_of

from service.demo.generate import CONTRACTS
from service.domain.contracts import Column, DatasetContract, Kind, Role
from service.domain.odcs import canonical_json, parse_contract
from service.errors import ContractError
from service.ports import Deps
from service.usecases.datasets import add_dataset
from service.usecases.identity import match_people
from service.usecases.ingest import ingest
from service.wiring import load_contract

BIRTH = Column("born", Role.DIRECT_IDENTIFIER, Kind.STRING, "C2", id_type="birth_date")
ADDRESS = Column("home", Role.DIRECT_IDENTIFIER, Kind.STRING, "C2", id_type="address")


def applicants(*, links: bool = False) -> DatasetContract:
    customers, _ = load_contract(CONTRACTS / "customers.yaml")
    columns = [c for c in customers.columns if c.role is not Role.MEASURE and c.id_type != "cn_resident_id"]
    mobile = next(c for c in columns if c.id_type == "mobile")
    kept = (
        replace(mobile, role=Role.SUBJECT_ID),
        *(c for c in columns if c.id_type in {"name", "email"}),
        replace(BIRTH, links=links),
        ADDRESS,
        Column("channel", Role.CATEGORY, Kind.STRING, "C1", keys=("branch", "app")),
    )
    contract = replace(customers, name="applicants", title="Applicants", columns=kept, row_per_subject=True)
    return parse_contract(format_contract(contract))


def taken(deps: Deps, path: Path, *rows: str) -> None:
    path.write_text("\n".join(["mobile,name,email,born,home,channel", *rows]) + "\n", encoding="utf-8")
    row = ingest(path, "applicants", actor=STEWARD, deps=deps)
    assert row.counts.admitted == len(rows), row


def test_they_are_sealed_and_make_two_enrolments_one_person(tmp_path: Path) -> None:
    deps = open_intake(tmp_path / "home", FakeClock())
    contract = applicants()
    add_dataset(contract, canonical_json(format_contract(contract)), actor=STEWARD, deps=deps)
    many = [
        f"154000010{n:02d},赵{'岚秀佳伟敏静丽强磊军'[n % 10]}{'一二三四五六'[n // 10]},p{n}@mail.example,"
        f"19{60 + n % 40}-0{1 + n % 9}-1{n % 9},北京市朝阳区建国路{n}号{n}室,app"
        for n in range(60)
    ]
    first = "15400000001,王小明,xiaoming.wang@mail.example,1980-01-31,上海市浦东新区世纪大道88号1203室,app"
    again = "15400000002,王小明,xm.wang@other.example,1980/1/31,上海市浦东新区世纪大道88号1203室,branch"

    taken(deps, tmp_path / "a.csv", *many, first, again)

    subjects = [subject_of(deps, "mobile", f"1540000000{n}") for n in (1, 2)]
    sealed = json.loads(deps.vault.open(subjects[1] or 0, "identity") or b"{}")
    assert sealed == {"birth_date": "1980-01-31", "name": "王小明"}
    assert "世纪大道" not in stored_text(deps)
    found = match_people("DPIA-7", actor=STEWARD, deps=deps)
    assert (found.merged, found.proposed) == (1, 0)
    entry = entries_of(deps, "identity:match")[-1]
    assert "王小明" not in str(entry)


def test_many_share_them_so_they_cannot_link() -> None:
    with pytest.raises(ContractError, match="share"):
        applicants(links=True)
