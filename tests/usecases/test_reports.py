"""The report on a real service: a bundle that verifies offline, exact numbers, nothing issued unlogged."""

import csv
import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fakes.house import House, furnish, move_in

from audit.bundle import verify_bundle
from audit.errors import BrokenLinkError
from service.demo.run import PLAN
from service.domain.requests import Right
from service.errors import DeniedError, StorageError, UnknownError
from service.usecases.model import approve_model, train_model
from service.usecases.profile import build_profiles
from service.usecases.release import approve_aggregate, request_aggregate, run_aggregate
from service.usecases.report import build_report
from service.usecases.rights import run_request
from service.usecases.score import build_scores


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = furnish(tmp_path_factory.mktemp("house"), customers=400)
    ann, paul, max_ = house.actor("ann"), house.actor("paul"), house.actor("max")
    asked = request_aggregate(PLAN, "regulatory_reporting", actor=ann, deps=house.deps)
    approve_aggregate(asked.id, actor=paul, deps=house.deps)
    run_aggregate(asked.id, actor=ann, deps=house.deps)
    build_profiles(actor=max_, deps=house.deps)
    train_model(actor=max_, deps=house.deps)
    approve_model("credit", 1, actor=paul, deps=house.deps)
    build_scores(actor=max_, deps=house.deps)
    return house


@pytest.fixture
def house(furnished: House, tmp_path: Path) -> House:
    return move_in(furnished, tmp_path)


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def table(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[f"tables/{name}.csv"].decode())))


def report_json(files: dict[str, bytes]) -> Any:
    return json.loads(files["report.json"])


def test_the_bundle_verifies_offline_and_cites_what_it_used(house: House) -> None:
    path = build_report(actor=house.actor("cora"), deps=house.deps)
    assert path.name == "behaviour-2026-11-20-1.zip"
    facts = verify_bundle(path.read_bytes(), vkey=house.deps.audit.vkey)
    log = dict(house.deps.audit.entries())
    assert {log[i].type for i in facts.entries} == {
        "dataset:ingest", "profile:build", "model:train", "model:approve", "score:build", "aggregate:release",
    }  # fmt: skip
    assert log[facts.issue].type == "report:issue"
    assert facts.predicate["report"] == "customer-behaviour-analysis@1"
    assert {"report.zh.pdf", "report.en.pdf", "report.json", "signer.pem"} <= facts.files.keys()
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_both_pdfs_are_signed(house: House, tmp_path: Path) -> None:
    files = contents(build_report(actor=house.actor("cora"), deps=house.deps))
    for name in ("report.zh.pdf", "report.en.pdf"):
        (tmp_path / name).write_bytes(files[name])
        said = subprocess.run(
            ["pdfsig", str(tmp_path / name)], capture_output=True, text=True, check=False
        ).stdout
        assert "Signature is Valid" in said


def test_exact_figures_are_derived_again_from_the_named_tables(house: House) -> None:
    files = contents(build_report(actor=house.actor("cora"), deps=house.deps))
    profiles = house.deps.events.scan("derived_profile").collect()
    shown = {row["segment"]: row["customers"] for row in table(files, "segments")}
    assert shown.pop("Total") == str(profiles.height)
    names = {
        "High value": "high_value",
        "Growing": "growing",
        "Steady": "steady",
        "Low activity": "low_activity",
        "At risk": "at_risk",
    }
    for title, customers in shown.items():
        if customers != "suppressed":
            assert int(customers) == profiles.filter(pl.col("segment") == names[title]).height
    source = next(t for t in report_json(files)["tables"] if t["id"] == "segments")["source"]
    assert source["inputs"] == [f"derived_profile@{house.deps.events.version('derived_profile')}"]
    intake = {row["dataset"]: row for row in table(files, "intake")}
    with house.deps.ops() as tx:
        for batch in tx.batches.all():
            assert int(intake[batch.dataset]["rows"]) == batch.counts.rows


def test_the_noisy_answer_is_the_stored_one_and_stands_apart(house: House) -> None:
    files = contents(build_report(actor=house.actor("cora"), deps=house.deps))
    with house.deps.ops() as tx:
        release = tx.releases.all()[0]
    rows = table(files, f"release-{release.id[:12]}")
    answer = json.loads(release.answer)
    assert len(rows) == len(answer["cells"]) * len(answer["measures"])
    assert rows[0]["estimate"] == str(answer["cells"][0]["count"]["value"])
    private = {t["id"] for t in report_json(files)["tables"] if t["basis"] == "private"}
    assert private == {"model", "releases", f"release-{release.id[:12]}"}


def test_the_same_state_gives_the_same_unsigned_pages(house: House, tmp_path: Path) -> None:
    twin_home = tmp_path / "twin"
    twin_home.mkdir()
    twin = move_in(house, twin_home)
    one = contents(build_report(actor=house.actor("cora"), deps=house.deps))
    two = contents(build_report(actor=twin.actor("cora"), deps=twin.deps))
    assert one["report.json"] == two["report.json"]
    for name in ("report.zh.pdf", "report.en.pdf"):
        unsigned = one[name].index(b"%%EOF") + len(b"%%EOF")
        assert one[name][:unsigned] == two[name][:unsigned]


def test_reports_are_numbered_and_never_overwritten(house: House) -> None:
    first = build_report(actor=house.actor("cora"), deps=house.deps)
    before = first.read_bytes()
    assert build_report(actor=house.actor("cora"), deps=house.deps).name == "behaviour-2026-11-20-2.zip"
    assert first.read_bytes() == before


@pytest.mark.parametrize("who", ["ann", "max", "rita", "paul", "dana", "aud"])
def test_only_the_compliance_officer_builds_reports(house: House, who: str) -> None:
    with pytest.raises(DeniedError):
        build_report(actor=house.actor(who), deps=house.deps)
    assert not list((house.settings.home / "report").glob("*.zip"))


def test_without_profiles_there_is_no_report(tmp_path: Path) -> None:
    house = furnish(tmp_path, customers=60)
    with pytest.raises(UnknownError):
        build_report(actor=house.actor("cora"), deps=house.deps)


def test_an_unreadable_report_key_stops_the_report(house: House) -> None:
    build_report(actor=house.actor("cora"), deps=house.deps)
    (house.settings.keys / "report.pem").chmod(0o644)
    with pytest.raises(StorageError):
        build_report(actor=house.actor("cora"), deps=house.deps)
    assert len(list((house.settings.home / "report").glob("*.zip"))) == 1


def test_rights_requests_are_counted_and_an_erased_customer_is_in_no_figure(house: House) -> None:
    before = contents(build_report(actor=house.actor("cora"), deps=house.deps))
    run_request(house.decided(Right.ERASURE, house.emails[0]), actor=house.actor("cora"), deps=house.deps)
    after = contents(build_report(actor=house.actor("cora"), deps=house.deps))
    erasure = next(row for row in table(after, "rights") if row["right"] == "Erasure")
    assert (erasure["opened"], erasure["done"]) == ("1", "1")
    total = [int(table(files, "grades")[-1]["customers"]) for files in (before, after)]
    assert total[0] - total[1] == 1


def test_no_identifier_is_in_the_bundle(house: House) -> None:
    data = build_report(actor=house.actor("cora"), deps=house.deps).read_bytes()
    assert not [email for email in house.emails if email.encode() in data]


def test_any_changed_byte_breaks_the_bundle(house: House) -> None:
    data = bytearray(build_report(actor=house.actor("cora"), deps=house.deps).read_bytes())
    for place in range(0, len(data), len(data) // 40):
        data[place] ^= 1
        with pytest.raises(BrokenLinkError):
            verify_bundle(bytes(data))
        data[place] ^= 1


def test_poppler_is_there_for_these_tests() -> None:
    assert shutil.which("pdfsig")
