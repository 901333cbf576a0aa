"""A contract that refers to a reference table, as a steward uses it on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import yaml
from fakes.command import CommandLine
from fakes.contract_documents import format_contract
from fakes.house import build
from fakes.payments import CONTRACT, payment, referring, write_payments
from fakes.special import PAGE


def test_rows_of_places_that_are_not_in_the_table_are_listed(tmp_path: Path) -> None:
    house = build(tmp_path / "home", tmp_path, at=datetime.now(UTC))
    line = CommandLine(house.settings.home, house.tokens)
    contract, table = tmp_path / "payments.yaml", tmp_path / "census.csv"
    document = format_contract(replace(CONTRACT, columns=referring("census.district")))
    contract.write_text(yaml.safe_dump(document), encoding="utf-8")
    table.write_text(PAGE.read_text(encoding="utf-8").split("```csv\n")[1].split("```")[0], encoding="utf-8")
    file = write_payments(tmp_path / "a.csv", [payment(1), payment(2, place="999999"), payment(3, place="")])

    early = line.call("dataset", "add", contract, who="dana")
    assert early.code == 2
    assert "no reference table has this key" in early.said
    facts = ("--licence", "CC BY 4.0", "--source", "Statistics office")
    assert line.call("reference", "add", "census", table, *facts, who="dana").code == 0
    assert line.call("dataset", "add", contract, who="dana").code == 0
    done = line.call("ingest", "payments", file, "--json", who="dana")
    assert done.code == 0, done.said
    listed = line.call("quarantine", "list", "payments", "--json", who="dana")
    [row] = json.loads(listed.out)
    assert (row["row"], row["rule"], row["column"], row["state"]) == (2, "reference", "place", "open")
    assert "999999" not in listed.said
