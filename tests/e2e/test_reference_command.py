"""``fiduciary reference add`` as a steward runs it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from fakes.command import CommandLine
from fakes.house import build
from fakes.special import PAGE


def test_the_district_table_of_the_page_is_taken_in_and_others_are_told_why_not(tmp_path: Path) -> None:
    house = build(tmp_path / "home", tmp_path, at=datetime.now(UTC))
    line = CommandLine(house.settings.home, house.tokens)
    table = tmp_path / "census.csv"
    table.write_text(PAGE.read_text(encoding="utf-8").split("```csv\n")[1].split("```")[0], encoding="utf-8")
    facts = ("--licence", "CC BY 4.0", "--source", "Statistics office")
    done = line.call("reference", "add", "census", table, *facts, "--json", who="dana")
    assert json.loads(done.out) == {
        "reference": "census", "districts": 2, "columns": ["district", "population", "median_income"],
    }  # fmt: skip
    said = line.call("reference", "add", "census", table, *facts, who="dana").out
    assert said == "census: 2 districts, 3 columns\n"
    assert line.call("reference", "add", "census", table, *facts, who="ann").code == 3
    assert line.call("reference", "add", "census", tmp_path / "none.csv", *facts, who="dana").code == 2
    table.write_text("district,population\n110105,3\n", encoding="utf-8")
    refused = line.call("--lang", "zh", "reference", "add", "census", table, *facts, who="dana")
    assert refused.code == 2
    assert "limit: 1000" in refused.said
