"""The profile that a contract names reads its texts, by every way in, or nothing is taken in."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes.calls import MISSING, NEEDLES, TEXTS, WAYS, Way, by_file, calls, refusal, register, reject
from fakes.command import CommandLine
from fakes.detectors import without_models
from fakes.house import House, build
from fakes.intake import entries_of, stored_text
from mutants.detectors import always_fast, falls_back
from pydantic import TypeAdapter

from service.domain.contracts import DatasetContract, TextProfile
from service.domain.odcs import parse_contract
from service.errors import ContractError, UsageError

ROOT = Path(__file__).parents[2]
NAMES = [way.__name__ for way in WAYS]


@pytest.fixture
def empty(tmp_path: Path) -> House:
    """A service with its staff and nothing else."""
    return build(tmp_path / "home", tmp_path / "none", at=datetime.now(UTC))


def left(house: House) -> list[str]:
    """Identifiers that stand in what is stored."""
    text = stored_text(house.deps)
    return [needle for needle in NEEDLES if needle in text]


def without(house: House) -> House:
    """The same service where the models are not installed."""
    return replace(house, deps=replace(house.deps, detector=without_models))


@pytest.mark.parametrize("way", WAYS, ids=NAMES)
def test_texts_are_stored_only_as_the_models_leave_them(empty: House, tmp_path: Path, way: Way) -> None:
    register(empty, calls())
    way(empty, tmp_path)
    stored = stored_text(empty.deps)
    assert left(empty) == []
    assert "[PERSON_1] disputes the late fee." in stored
    assert "Reach her at [PHONE_NUMBER_1] after six, page [URL_1]" in stored
    assert dict(entries_of(empty.deps, "dataset:ingest")[-1].detail)["text_profile"] == "accurate"


def test_without_the_fact_the_rules_read_and_the_log_says_so(empty: House, tmp_path: Path) -> None:
    register(empty, calls(TextProfile.FAST))
    by_file(empty, tmp_path)
    assert "Whitfield" in left(empty)
    for event in ("dataset:add", "dataset:ingest"):
        assert dict(entries_of(empty.deps, event)[-1].detail)["text_profile"] == "fast"


def test_worker_processes_use_the_models_too(empty: House, tmp_path: Path) -> None:
    register(empty, calls())
    files = []
    for n, text in enumerate(TEXTS):
        files.append(tmp_path / f"{n}.csv")
        row = f'1540000000{n},2005-04-01,phone,7,"{text}"'
        files[-1].write_text(f"mobile,day,channel,amount,text\n{row}\n", encoding="utf-8")
    line = CommandLine(empty.settings.home, empty.tokens)
    ran = line.spawn("ingest", "contacts", *files, "--workers", "2", "--json", who="dana")
    assert ran.code == 0, ran.err
    assert [batch["admitted"] for batch in json.loads(ran.out)["batches"]] == [1, 1]
    assert left(empty.reopened()) == []


def test_the_profile_is_changed_by_a_new_version_of_the_contract(empty: House, tmp_path: Path) -> None:
    first = register(empty, calls(TextProfile.FAST))
    second = register(empty, calls(version="1.1.0"))
    assert first.digest != second.digest
    entry = entries_of(empty.deps, "dataset:add")[-1]
    assert entry.payload == second.digest
    assert dict(entry.detail) == {"columns": 5, "text_profile": "accurate", "version": "1.1.0"}
    by_file(empty, tmp_path)
    assert left(empty) == []


# Without the models.


def test_a_contract_is_not_put_in_force_where_its_models_are_missing(empty: House) -> None:
    with pytest.raises(UsageError, match=MISSING):
        register(without(empty), calls())
    with empty.deps.ops() as tx:
        assert tx.datasets.all() == ()
    assert entries_of(empty.deps, "dataset:add") == []
    register(without(empty), calls(TextProfile.FAST))


@pytest.mark.parametrize("way", WAYS, ids=NAMES)
def test_nothing_is_taken_in_where_the_models_are_missing_and_all_of_it_afterwards(
    empty: House, tmp_path: Path, way: Way
) -> None:
    register(empty, calls())
    if way.__name__ == "by_correction":  # the batch that is corrected came in before
        reject(empty, tmp_path)
    before = stored_text(empty.deps)
    assert MISSING in refusal(way, without(empty), tmp_path)
    assert stored_text(empty.deps) == before
    with empty.deps.ops() as tx:
        assert all(not row.counts.admitted for row in tx.batches.all())
    way(empty, tmp_path)
    assert "[PERSON_1] disputes" in stored_text(empty.deps)
    assert left(empty) == []


def test_the_service_itself_says_what_is_missing() -> None:
    """Held against what ``fakes.detectors`` makes up."""
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from service.wiring import _detector\n"
        "from service.domain.contracts import TextProfile\n"
        "from service.errors import UsageError\n"
        "assert _detector(TextProfile.FAST).detect('13812345678')\n"
        "try:\n"
        "    _detector(TextProfile.ACCURATE)\n"
        "except UsageError as error:\n"
        "    print(error.reason, sorted(error.fields))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    with pytest.raises(UsageError) as fake:
        without_models(TextProfile.ACCURATE)
    assert done.stdout.strip() == f"{fake.value.reason} {sorted(fake.value.fields)}"


@pytest.mark.parametrize("mutant", [always_fast, falls_back])
def test_a_detector_that_is_another_than_the_named_one_is_seen(
    empty: House, tmp_path: Path, mutant: Any
) -> None:
    broken = replace(empty, deps=replace(empty.deps, detector=mutant))
    register(broken, calls())
    by_file(broken, tmp_path)
    assert left(broken) != []


# The document.


def test_the_default_changes_no_digest_and_contracts_stored_before_are_read(empty: House) -> None:
    plain = parse_contract(calls(TextProfile.FAST))
    assert "textProfile" not in json.dumps(calls(TextProfile.FAST))
    assert plain.digest == "sha256:2154965be8b54959dfb2dbc201dcf68844e78f127a82c7245b4154ee326737d2"
    kept = TypeAdapter(DatasetContract)
    stored = json.loads(kept.dump_json(plain))
    assert stored.pop("text_profile") == "fast"
    assert kept.validate_python(stored) == plain


@pytest.mark.parametrize("value", ["best", "presidio", "", 1, True])
def test_no_other_profile_is_known(value: object) -> None:
    document: Any = calls(TextProfile.FAST)
    document["customProperties"].append({"property": "textProfile", "value": value})
    with pytest.raises(ContractError) as refused:
        parse_contract(document)
    assert refused.value.fields["at"] == "/customProperties/4/value"


def test_a_table_without_free_text_has_no_such_fact() -> None:
    document: Any = calls()
    document["schema"][0]["properties"].pop()
    with pytest.raises(ContractError, match="no free text"):
        parse_contract(document)
