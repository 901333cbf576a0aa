"""What a person gets wrong, and what breaks: the exit code, the place, the next step, and nothing stored."""

from __future__ import annotations

import copy
import json
import re
import resource
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.command import CommandLine, Ran
from fakes.house import House, furnish, move_in

from service.demo.run import PLAN
from service.settings import load_settings
from service.wiring import open_service

SECRET = "13912345678"


@pytest.fixture(scope="module")
def model_house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A furnished service of today."""
    return furnish(tmp_path_factory.mktemp("bad"), customers=120, at=datetime.now(UTC))


@pytest.fixture
def home(model_house: House, tmp_path: Path) -> House:
    """A copy of it."""
    return move_in(model_house, tmp_path)


def line_of(house: House) -> CommandLine:
    return CommandLine(house.settings.home, house.tokens)


def stored(house: House) -> dict[str, object]:
    """Everything that a refused command must leave as it was."""
    deps = open_service(house.settings)
    with deps.ops() as tx:
        counts = {
            "batches": len(tx.batches.all()),
            "contracts": len(tx.datasets.all()),
            "consents": tx.consents.frame().height,
            "releases": len(tx.releases.all()),
            "requests": len(tx.requests.all()),
            "spent": [line.spent for line in tx.budget.lines()],
        }
    tables = {name: deps.events.version(name) for name in deps.events.tables()}
    return {**counts, "people": deps.vault.pseudonyms().height, "tables": tables}


def refused(ran: Ran, code: int, *places: str) -> dict[str, Any]:
    """The error of a command that was refused, with every place it had to name."""
    assert (ran.code, ran.out) == (code, ""), ran
    assert "Traceback" not in ran.err
    body: dict[str, Any] = json.loads(ran.err)
    assert body["reason"]
    assert body["next"]
    text = json.dumps(body, ensure_ascii=False)
    for place in places:
        assert place in text, (place, text)
    assert SECRET not in ran.said
    return body


def edited(source: Path, change: Callable[[dict[str, Any]], None], target: Path) -> Path:
    document = yaml.safe_load(source.read_text(encoding="utf-8"))
    change(document)
    target.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return target


def column(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(c for c in document["schema"][0]["properties"] if c["name"] == name)


def without(document: dict[str, Any], name: str, fact: str) -> None:
    facts = column(document, name)["customProperties"]
    facts[:] = [f for f in facts if f["property"] != fact]


def purposes(document: dict[str, Any], codes: list[str]) -> None:
    next(f for f in document["customProperties"] if f["property"] == "purposes")["value"] = codes


CONTRACTS: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (lambda d: d.update({"favourite": SECRET}), "favourite"),
    (lambda d: without(d, "bill_cents", "lower"), "lower"),
    (lambda d: without(d, "bill_cents", "role"), "role"),
    (lambda d: purposes(d, ["marketing"]), "marketing"),
    (lambda d: d.pop("version"), "version"),
    (lambda d: d.update({"version": "0.9.0"}), "newer"),
    (lambda d: d["schema"].append(copy.deepcopy(d["schema"][0])), "/schema"),
]


@pytest.mark.parametrize(("change", "place"), CONTRACTS)
def test_a_wrong_contract_is_refused_at_its_place(
    home: House, tmp_path: Path, change: Callable[[dict[str, Any]], None], place: str
) -> None:
    before = stored(home)
    path = edited(home.source / "contracts" / "statements.yaml", change, tmp_path / "wrong.yaml")
    ran = line_of(home).call("dataset", "add", path, "--json", who="dana")
    assert ran.code in {1, 2}
    refused(ran, ran.code, place)
    assert stored(home) == before


HEAD = "resident_id,name,mobile,email,card_no"
FILES: dict[str, tuple[str, bytes | None, str]] = {
    "unknown column": ("customers", f"{HEAD},nickname\n{SECRET}".encode(), "nickname"),
    "missing column": ("customers", f"{HEAD}\n{SECRET},a,b,c,d".encode(), "education"),
    "no header": ("customers", f"{SECRET},Li,{SECRET},x@y.cn,1\n".encode(), "header"),
    "wrong encoding": ("customers", "姓名,手机\n李伟,13912345678".encode("gb18030"), "UTF-8"),
    "utf-16 without a mark": ("customers", f"{HEAD}\n{SECRET}".encode("utf-16-le"), "UTF-8"),
    "utf-16 with a mark": ("customers", f"{HEAD}\n{SECRET}".encode("utf-16"), "education"),
    "empty": ("customers", b"", "empty"),
    "no such file": ("customers", None, "file"),
    "no such dataset": ("nothing", b"a\n1\n", "nothing"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_does_not_fit_is_refused_as_a_whole(home: House, tmp_path: Path, what: str) -> None:
    dataset, content, place = FILES[what]
    before = stored(home)
    path = tmp_path / "input.csv"
    if content is not None:
        path.write_bytes(content)
    refused(line_of(home).call("ingest", dataset, path, "--json", who="dana"), 2, place)
    assert stored(home) == before


@pytest.mark.parametrize("named", ["latin-1", "big5"])
def test_a_file_that_is_not_in_the_named_encoding_is_refused(home: House, tmp_path: Path, named: str) -> None:
    path = tmp_path / "input.csv"
    path.write_bytes("姓名,手机\n李伟,1391234567\xff8".encode("utf-8-sig"))
    ran = line_of(home).call("ingest", "customers", path, "--encoding", named, "--json", who="dana")
    refused(ran, 2, "encoding")


def test_broken_rows_and_unknown_people_are_quarantined_one_by_one(home: House, tmp_path: Path) -> None:
    path = tmp_path / "statements.csv"
    head, *rows = (home.source / "statements.csv").read_text().splitlines()
    cut = rows[0].split(",")
    bad = [",".join(cut[:-1]), '"' + rows[1], ",".join(["4000000000000002", *cut[1:]])]
    path.write_text("\n".join([head, *rows[2:5], *bad]) + "\n")
    ran = line_of(home).call("ingest", "statements", path, "--json", who="dana")
    assert ran.code == 0
    counts = json.loads(ran.out)
    assert counts["rows"] == counts["admitted"] + counts["quarantined"] + counts["refused"] == 6
    assert counts["quarantined"] >= 3
    assert "4000000000000002" not in ran.said


PLANS: dict[str, tuple[Any, str]] = {
    "no json": ("{not json", "JSON"),
    "a list": ([], "object"),
    "unknown key": (PLAN | {"sql": SECRET}, "plan"),
    "unknown dataset": (PLAN | {"dataset": "nothing"}, "dataset"),
    "unknown column": (PLAN | {"measures": ["sum:salary"]}, "measures"),
    "no measure": (PLAN | {"measures": []}, "measures"),
    "epsilon zero": (PLAN | {"epsilon": 0}, "epsilon"),
    "epsilon a float": (PLAN | {"epsilon": 1.5}, "epsilon"),
    "a protected attribute": (PLAN | {"keys": ["month", "customers.sex"]}, "keys"),
    "a period that is none": (PLAN | {"periods": ["2005-13"]}, "periods"),
    "an identifier as key": (PLAN | {"keys": [SECRET]}, "keys"),
}


@pytest.mark.parametrize("what", PLANS)
def test_a_malformed_plan_is_refused_at_its_place(home: House, tmp_path: Path, what: str) -> None:
    document, place = PLANS[what]
    before = stored(home)
    path = tmp_path / "plan.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    line = line_of(home)
    refused(line.call("aggregate", "preview", path, "--json", who="ann"), 2, place)
    asked = line.call("aggregate", "request", path, "--purpose", "regulatory_reporting", "--json", who="ann")
    refused(asked, 2, place)
    assert stored(home) == before


@pytest.mark.parametrize("content", [b"", b"\xff\xfe{}", b"[" * 100_000, b'{"epsilon": NaN}', b"9" * 5000])
def test_a_plan_of_strange_bytes_is_refused(model_house: House, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    refused(line_of(model_house).call("aggregate", "preview", path, "--json", who="ann"), 2)


@pytest.mark.parametrize("place", ["argument", "standard input"])
def test_bytes_that_are_no_text_are_a_wrong_request(model_house: House, place: str) -> None:
    line, email = line_of(model_house), model_house.emails[0]
    opened = json.loads(line.call("rights", "open", "access", "--json", who="cora", stdin=email).out)["id"]
    verify = ("rights", "verify", opened, "--json")
    if place == "argument":
        ran = line.spawn(*verify, "--code", "\udcff", LC_ALL="C.UTF-8")
    else:  # no encoding is named: Python reads bytes that it cannot decode as surrogates
        ran = line.call(*verify, stdin="\udcff\n")
    assert refused(ran, 2)["reason"] == f"{'an argument' if place == 'argument' else place} is not UTF-8"
    with model_house.reopened().deps.ops() as tx:
        assert tx.requests.get(opened).attempts == 0


def test_a_purpose_that_does_not_exist_gives_nothing(home: House, tmp_path: Path) -> None:
    before = stored(home)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(PLAN))
    ran = line_of(home).call("aggregate", "request", path, "--purpose", SECRET, "--json", who="ann")
    refused(ran, 3, "purpose")
    ran = line_of(home).call("consent", "withdraw", SECRET, "--json", who="cora", stdin=home.emails[0])
    refused(ran, 2, "purpose")
    assert stored(home) == before
    assert home.reopened().deps.scanner.scan([SECRET]).hits == ()


def test_tokens_that_are_missing_wrong_or_expired_say_so(model_house: House, tmp_path: Path) -> None:
    old = move_in(model_house, tmp_path)
    with sqlite3.connect(old.settings.home / "ops.sqlite") as database:
        tables = [
            row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE name LIKE '%token%'")
        ]
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({tables[0]})")]
        expiry = next(name for name in columns if "expire" in name)
        past = (datetime.now(UTC) - timedelta(days=1)).replace(tzinfo=None).isoformat(" ")
        sample = database.execute(f"SELECT {expiry} FROM {tables[0]}").fetchone()[0]  # noqa: S608
        value = past if isinstance(sample, str) else 1
        database.execute(f"UPDATE {tables[0]} SET {expiry} = ?", (value,))  # noqa: S608  as above
    for token, reason in (
        ("", "valid API token"),
        ("fdc_" + "0" * 16 + "_" + "0" * 64, "valid API token"),
        (SECRET, "valid API token"),
        (old.tokens["ann"], "expired"),
    ):
        ran = line_of(old).call("budget", "show", "--json", FIDUCIARY_TOKEN=token)
        refused(ran, 3, reason)
    ran = line_of(old).call("budget", "show", "--json", FIDUCIARY_TOKEN_FILE=str(tmp_path / "nowhere"))
    refused(ran, 2, "FIDUCIARY_TOKEN_FILE")


def tampered(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_tampered_evidence_and_a_foreign_key_name_the_broken_link(home: House, tmp_path: Path) -> None:
    line = line_of(home)
    for arguments, who in (
        (["profile", "build"], "max"), (["model", "train"], "max"),
        (["model", "approve", "credit", "1"], "paul"),
        (["score", "build"], "max"), (["report", "build", "behaviour"], "cora"),
    ):  # fmt: skip
        assert line.call(*arguments, who=who).code == 0
    draft = next((home.settings.home / "report").glob("*.zip"))
    assert line.call("report", "approve", draft.name, who="paul").code == 0
    opened = line.call("rights", "open", "objection", "--json", who="cora", stdin=home.emails[0])
    request = json.loads(opened.out)["id"]
    line.call("rights", "verify", request, "--code", re.findall(r"\b\d{6}\b", opened.err)[0])
    line.call("rights", "decide", request, who="cora")
    assert line.call("rights", "run", request, who="cora").code == 0
    bundle = next((home.settings.home / "report").glob("*.zip"))
    certificate = next((home.settings.home / "certificates").glob("*.json"))
    foreign = "other.example/log+00000000+" + "A" * 44
    for number, path in enumerate((home.settings.log, bundle, certificate)):
        assert line.call("audit", "verify", path, "--json").code == 0
        refused(line.call("audit", "verify", path, "--vkey", foreign, "--json"), 5, "verifier key")
        double = tmp_path / f"copy{number}{path.suffix}"
        (shutil.copytree if path.is_dir() else shutil.copy)(path, double)
        tampered(next(double.rglob("tile/entries/*/*")) if double.is_dir() else double)
        refused(line.call("audit", "verify", double, "--json"), 5, "broken link")
        assert line.spawn("audit", "verify", double).code == 5
    empty = tmp_path / "empty.zip"
    empty.write_bytes(b"")
    refused(line.call("audit", "verify", empty, "--json"), 5, "kind of evidence")
    refused(line.call("audit", "verify", tmp_path / "none.zip", "--json"), 2, "none.zip")


def test_a_service_made_twice_is_left_as_it_is(home: House) -> None:
    before = stored(home)
    refused(line_of(home).call("init", "--json"), 1, "already")
    assert stored(home) == before


def test_a_root_key_open_to_others_is_not_used(home: House) -> None:
    (home.settings.keys / "root.key").chmod(0o640)
    refused(line_of(home).call("doctor", "--json"), 1, "root.key", "0600")
    (home.settings.keys / "root.key").chmod(0o600)
    (home.settings.keys / "log.key").chmod(0o640)
    refused(line_of(home).call("doctor", "--json"), 5, "log.key")


@pytest.mark.parametrize(
    ("setting", "value", "code", "place"),
    [
        ("FIDUCIARY_BUCKETS", "32", 1, "buckets"),
        ("FIDUCIARY_BUCKETS", "33", 2, "FIDUCIARY_BUCKETS"),
        ("FIDUCIARY_BUCKETS", "many", 2, "FIDUCIARY_BUCKETS"),
        ("FIDUCIARY_DATABASE_URL", f"mysql://root:{SECRET}@db/x", 2, "SQLite or PostgreSQL"),
        ("FIDUCIARY_DATABASE_URL", SECRET, 2, "URL"),
        ("FIDUCIARY_DATABASE_URL", f"postgresql://u:{SECRET}@127.0.0.1:1/x", 1, "database"),
        ("FIDUCIARY_POLICIES", "/nowhere", 2, "missing"),
        ("FIDUCIARY_ORIGIN", "other.example/log", 5, "origin"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(
    model_house: House, setting: str, value: str, code: int, place: str
) -> None:
    refused(line_of(model_house).call("doctor", "--json", **{setting: value}), code, place)


@pytest.mark.parametrize("database", ["ops.sqlite", "vault.sqlite"])
def test_a_corrupted_database_is_refused(home: House, database: str) -> None:
    for name in (database, f"{database}-wal", f"{database}-shm"):
        (home.settings.home / name).unlink(missing_ok=True)
    (home.settings.home / database).write_bytes(f"no database, {SECRET}".encode() * 100)
    refused(line_of(home).call("doctor", "--json"), 1, "database")
    refused(line_of(home).call("budget", "show", "--json", who="ann"), 1, "database")


def test_a_log_that_was_cut_stops_everything(home: House) -> None:
    before = stored(home)
    line = line_of(home)
    entries = next((home.settings.log / "governance").rglob("tile/entries/*/*"))
    whole = entries.read_bytes()
    entries.write_bytes(whole[: len(whole) // 2])
    for arguments, who in (
        (["budget", "show"], "ann"),
        (["profile", "build"], "max"),
        (["audit", "show"], "aud"),
    ):
        refused(line.call(*arguments, "--json", who=who), 5, "log")
    entries.write_bytes(whole)
    assert stored(home) == before
    shutil.rmtree(home.settings.log)
    refused(line.call("profile", "build", "--json", who="max"), 5, "log")
    assert not home.settings.log.exists()  # a log is never quietly begun anew


@pytest.mark.parametrize("limit", [0, 2_000, 40_000])
def test_a_full_disk_loses_nothing_and_the_same_command_finishes_later(
    home: House, tmp_path: Path, limit: int
) -> None:
    head, *rows = (home.source / "customers.csv").read_text(encoding="utf-8").splitlines()
    path = tmp_path / "again.csv"
    path.write_text("\n".join([head, *reversed(rows)]) + "\n", encoding="utf-8")
    line, before = line_of(home), stored(home)
    live = home.deps.events.scan("customers").collect().height

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    ran = line.spawn("ingest", "customers", path, "--json", who="dana", prepare=small)
    assert ran.code in {1, 5}, ran
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert json.loads(ran.err.splitlines()[-1])["next"]
    assert not [row for row in rows if any(field in ran.err for field in row.split(",") if len(field) > 9)]
    after = stored(home)
    assert after["batches"] == before["batches"]
    done = line.call("ingest", "customers", path, "--json", who="dana")
    assert done.code == 0, done
    counts = json.loads(done.out)
    assert counts["rows"] == len(rows) == counts["admitted"] + counts["quarantined"] + counts["refused"]
    assert home.deps.events.scan("customers").collect().height == live
    assert line.call("doctor").code == 0


def test_an_empty_home_variable_is_no_surprise(tmp_path: Path) -> None:
    settings = load_settings({}, home=tmp_path)
    assert settings.home == tmp_path
