"""The whole job on a small demo, and what must be true of the bytes it leaves."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audit.entry import format_entry
from audit.verify import verify
from audit.verify_shards import LogsFacts
from service.adapters.scanner import FileScanner
from service.demo.run import run_demo
from service.demo.summary import Summary
from service.errors import ConflictError
from service.settings import load_settings
from service.wiring import open_service

IDENTIFIERS = ("resident_id", "mobile", "email", "card_no")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Summary]:
    """A demo of 300 customers: its directory, its facts, its summary."""
    home = tmp_path_factory.mktemp("spine") / "demo"
    summary = run_demo(home, customers=300, progress=lambda _step, _percent: None)
    return home, summary.facts, summary


def test_rows_in_are_admitted_quarantined_or_refused(demo: tuple[Path, dict[str, Any], Summary]) -> None:
    batches = demo[1]["batches"]
    assert batches["customers"]["rows"] >= 300
    assert batches["statements"]["rows"] >= 1800
    for counts in batches.values():
        assert counts["rows"] == counts["admitted"] + counts["quarantined"] + counts["refused"]


def test_no_raw_identifier_outside_the_vault(demo: tuple[Path, dict[str, Any], Summary]) -> None:
    """Every identifier of every customer, and everything planted in the notes, in every spelling."""
    home = demo[0]
    source = home.with_name("demo-input")
    needles: set[str] = set()
    with (source / "customers.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            needles |= {row[name] for name in IDENTIFIERS}
    for line in (source / "truth.jsonl").read_text(encoding="utf-8").splitlines():
        value = str(json.loads(line)["value"])
        needles |= {value} if len(value.encode()) >= 9 else set()
    needles.discard("")
    scan = FileScanner(home).scan(sorted(needles))
    assert [hit for hit in scan.hits if not hit.startswith("vault.sqlite")] == []


def test_planted_identifiers_are_gone_from_the_stored_notes(
    demo: tuple[Path, dict[str, Any], Summary],
) -> None:
    """Parquet compresses, so the texts are read back too."""
    deps = open_service(load_settings({}, home=demo[0]))
    texts = "\n".join(deps.events.scan("notes").collect()["text"].to_list())
    truth = (demo[0].with_name("demo-input") / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    planted = [json.loads(line) for line in truth]
    left = [p for p in planted if p["file"] == "notes.jsonl" and p["value"] in texts]
    assert len(planted) > 30
    assert [(p["type"], p["row"]) for p in left] == []


def test_an_erased_customer_does_not_come_back(demo: tuple[Path, dict[str, Any], Summary]) -> None:
    returned = demo[1]["returned"]
    assert (returned["rows"], returned["admitted"], returned["refused"]) == (1, 0, 1)


def test_everything_that_had_to_be_refused_was(demo: tuple[Path, dict[str, Any], Summary]) -> None:
    refusals = demo[1]["refusals"]
    assert {name: r["exit"] for name, r in refusals.items()} == {
        "the analyst approves her own request": 3,
        "beyond the budget": 4,
        "an analyst reads a score": 3,
        "who built the report approves it": 3,
        "the customer objected": 3,
        "a bundle with one byte changed": 5,
    }


def test_evidence_verifies_with_nothing_but_the_audit_package(
    demo: tuple[Path, dict[str, Any], Summary], tmp_path: Path
) -> None:
    """A regulator's machine: the audit package, no data directory, no keys, no network."""
    shutil.copytree(ROOT / "audit", tmp_path / "audit", ignore=shutil.ignore_patterns("__pycache__"))
    home = demo[0]
    vkey = next((home / "log" / "governance").glob("*/vkey")).read_text().strip()
    for path in [home / "log", *(home / "report").glob("*.zip"), *(home / "certificates").glob("*.json")]:
        target = tmp_path / path.name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, target)
        script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from audit.verify import main; "
        script += "sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-I", "-c", script, str(target), "--vkey", vkey]
        run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert run.returncode == 0, run.stdout + run.stderr


def test_the_log_names_no_person_and_every_release(demo: tuple[Path, dict[str, Any], Summary]) -> None:
    home, facts, _ = demo
    facts_of_log = verify(home / "log")
    assert isinstance(facts_of_log, LogsFacts)
    entries = dict(open_service(load_settings({}, home=home)).audit.entries())
    assert len(entries) == facts_of_log.size
    (release,) = [e for e in entries.values() if e.id == facts["aggregate"]["entry"]]
    assert (release.type, release.rho) == ("aggregate:release", facts["aggregate"]["rho"])
    assert [e.rho for e in entries.values() if e.type == "aggregate:release"] == [release.rho]
    with (home.with_name("demo-input") / "customers.csv").open(encoding="utf-8", newline="") as file:
        values = {v for row in csv.DictReader(file) for k, v in row.items() if k in IDENTIFIERS}
    text = b"\n".join(format_entry(entry) for entry in entries.values()).decode()
    assert [value for value in values if value in text] == []


def test_the_summary_names_files_that_exist_and_commands(demo: tuple[Path, dict[str, Any], Summary]) -> None:
    home, _, summary = demo
    text = summary.text()
    assert "fiduciary audit verify" in text
    assert list((home / "report").glob("*.zip"))
    assert len(list((home / "certificates").glob("*.json"))) == 2


def test_a_directory_that_is_no_demo_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    with pytest.raises(ConflictError):
        run_demo(tmp_path / "precious", customers=10, progress=lambda _step, _percent: None)
    assert (tmp_path / "precious" / "file").read_text() == "mine"
