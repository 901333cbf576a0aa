"""Every command, with ``--json`` and without, its exit code, and what it says when something is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes.command import PROGRAM, CommandLine, Ran
from fakes.house import House, build, furnish, move_in

from service.cli.output import message
from service.demo.generate import generate
from service.demo.run import PLAN
from service.errors import FiduciaryError

Run = Callable[..., Ran]
COMMANDS = (
    "init", "doctor", "serve", "demo", "user add", "dataset add", "ingest",
    "consent import", "consent withdraw",
    "aggregate preview", "aggregate request", "aggregate approve", "aggregate run", "budget show",
    "profile build", "model train", "model approve", "score build", "score read",
    "rights open", "rights verify",
    "rights decide", "rights run", "rights certificate", "report build", "report approve",
    "report reject", "report diff", "audit verify", "audit show",
    "pii scan", "pii classify",
)  # fmt: skip


@pytest.fixture(scope="module")
def model_house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A furnished service of today: the real command reads the real clock."""
    return furnish(tmp_path_factory.mktemp("cli"), at=datetime.now(UTC))


@pytest.fixture
def home(model_house: House, tmp_path: Path) -> House:
    """A copy of it."""
    return move_in(model_house, tmp_path)


def line_of(house: House) -> CommandLine:
    return CommandLine(house.settings.home, house.tokens)


def journey(run: Run, house: House, folder: Path, *flags: str) -> dict[str, Ran]:
    """The main job, one command after the other; ids are taken from what each one says."""
    done: dict[str, Ran] = {}

    def step(name: str, *arguments: str | Path, who: str = "", stdin: str = "", **extra: str) -> str:
        ran = run(*name.split(), *arguments, *flags, who=who, stdin=stdin, **extra)
        assert ran.code == 0, (name, ran.said)
        done[name] = ran
        return ran.out

    def found_id(text: str) -> str:
        return str(re.findall(r"\b[0-9a-f]{32}\b", text)[0])

    source = house.source
    plan = folder / "plan.json"
    plan.write_text(json.dumps(PLAN))
    emails = house.emails
    step("init", FIDUCIARY_HOME=str(folder / "new"))
    step("user add", "user:zoe", "--role", "analyst", who="admin")
    step("dataset add", source / "contracts" / "notes.yaml", who="dana")
    step("consent import", source / "consents.csv", who="dana")
    step("ingest", "customers", source / "customers.csv", who="dana")
    step("aggregate preview", plan, who="ann")
    release = found_id(step("aggregate request", plan, "--purpose", "regulatory_reporting", who="ann"))
    step("aggregate approve", release, who="paul")
    step("aggregate run", release, who="ann")
    step("budget show", who="ann")
    step("profile build", who="max")
    step("model train", "--epsilon", "1", who="max")
    step("model approve", "credit", "1", who="paul")
    step("score build", who="max")
    step("score read", who="rita", stdin=emails[0])
    step("consent withdraw", "value_segmentation", who="cora", stdin=emails[1])
    request = found_id(step("rights open", "erasure", who="cora", stdin=emails[2]))
    code = re.findall(r"\b\d{6}\b", done["rights open"].err)[0]
    step("rights verify", request, "--code", code)
    step("rights decide", request, who="cora")
    step("rights run", request, who="cora")
    step("rights certificate", request, who="cora")
    step("report build", "behaviour", who="cora")
    draft = next((house.settings.home / "report").glob("behaviour-*.draft.zip"))
    step("report reject", draft.name, who="paul")
    rejected = draft.with_name(draft.name.replace("draft", "rejected"))
    step("report build", "behaviour", who="cora")
    draft = next((house.settings.home / "report").glob("behaviour-*.draft.zip"))
    step("report approve", draft.name, who="paul")
    bundle = draft.with_name(draft.name.replace(".draft", ""))
    step("report diff", rejected, bundle)
    step("audit verify", house.settings.log)
    step("audit show", "--last", "3", who="aud")
    texts = folder / "texts.jsonl"
    texts.write_text(json.dumps({"text": "邮箱 li@example.com"}) + "\n", encoding="utf-8")
    step("pii scan", texts, "--profile", "fast")
    step("pii classify", source / "customers.csv")
    step("doctor")
    step("demo", "--home", folder / "demo", "--customers", "60")
    return done


def test_every_command_prints_one_json_document(home: House, tmp_path: Path) -> None:
    line = line_of(home)

    def run(*arguments: str | Path, **options: str) -> Ran:
        own_process = arguments[0] in {"init", "ingest", "rights", "audit"}
        return (line.spawn if own_process else line.call)(*arguments, **options)  # type: ignore[arg-type]

    done = journey(run, home, tmp_path, "--json")
    assert set(done) | {"serve"} == set(COMMANDS)
    for name, ran in done.items():
        assert json.loads(ran.out) is not None, name
        assert ran.out.endswith("\n"), name
        assert ran.out.count("\n") == 1, name
        assert "Warning" not in ran.err, (name, ran.err)
        assert ran.err == "" or name == "rights open", (name, ran.err)


def test_every_command_speaks_plain_words_without_json(home: House, tmp_path: Path) -> None:
    done = journey(line_of(home).call, home, tmp_path)
    for name, ran in done.items():
        assert ran.out.strip(), name
        assert not ran.out.startswith(("[", "{")) or name == "aggregate preview", (name, ran.out)
        assert "{'" not in ran.out or name == "demo", (name, ran.out)
        assert "Traceback" not in ran.said, name
    assert "VALID" in done["audit verify"].out


def test_help_is_there_for_every_command_and_imports_nothing_heavy() -> None:
    script = f"""
import contextlib, io, sys
from service.cli.main import run
for command in {COMMANDS!r}:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run([*command.split(), "--help"]) == 0, command
    text = out.getvalue()
    assert "Usage: fiduciary" in text and len(text) > 100, command
    asks = command in ("score read", "rights open", "consent withdraw")
    assert "standard input" in " ".join(text.split()) or not asks, command
with contextlib.redirect_stdout(out):
    assert run(["--help"]) == 0
for command in {COMMANDS!r}:
    assert command.split()[0] in out.getvalue(), command
heavy = {{"polars", "numpy", "presidio_analyzer", "sqlalchemy", "deltalake", "opendp", "pyhanko"}}
heavy &= set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_command_without_arguments_shows_its_help() -> None:
    done = subprocess.run([PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Usage: fiduciary" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("code", "error", "who", "arguments"),
    [
        (1, "conflict", "", ["init"]),
        (1, "conflict", "rita", ["score", "read"]),
        (2, "usage", "", ["nonsense"]),
        (2, "usage", "", ["--lang", "fr", "doctor"]),
        (2, "usage", "", ["ingest", "customers"]),
        (2, "usage", "aud", ["audit", "show", "--last", "0"]),
        (2, "usage", "max", ["model", "train", "--epsilon", "nan"]),
        (2, "usage", "max", ["model", "train", "--epsilon", "-1"]),
        (2, "usage", "cora", ["rights", "open", "revenge"]),
        (2, "unknown", "cora", ["rights", "decide", "13800138000"]),
        (2, "unknown", "ann", ["aggregate", "run", "13800138000"]),
        (2, "contract", "dana", ["ingest", "customers", "/nonexistent.csv"]),
        (3, "unauthenticated", "", ["budget", "show"]),
        (3, "denied", "ann", ["user", "add", "user:eve", "--role", "analyst"]),
        (3, "denied", "ann", ["report", "build", "behaviour"]),
        (2, "unknown", "cora", ["report", "build", "13800138000"]),
        (2, "unknown", "paul", ["report", "approve", "13800138000"]),
        (2, "usage", "", ["report", "diff", __file__, __file__]),
        (5, "tampered", "", ["audit", "verify", __file__]),
    ],
)
def test_exit_codes_and_errors_are_as_documented(
    model_house: House, code: int, error: str, who: str, arguments: list[str]
) -> None:
    line = line_of(model_house)
    ran = line.call(*arguments, "--json", who=who, stdin=model_house.emails[0])
    body: dict[str, Any] = json.loads(ran.err)
    assert (ran.code, body["error"], ran.out) == (code, error, ""), ran
    assert set(body) == {"error", "reason", "fields", "next"}
    assert body["reason"]
    assert body["next"]
    plain = line.call(*arguments, who=who, stdin=model_house.emails[0])
    assert (plain.code, plain.out) == (code, "")
    assert body["reason"] in plain.err
    assert f"-> {body['next']}" in plain.err


def test_a_budget_that_does_not_cover_it_is_exit_code_four(home: House, tmp_path: Path) -> None:
    line, plan = line_of(home), tmp_path / "plan.json"
    plan.write_text(json.dumps(PLAN | {"measures": ["count"], "epsilon": 9_000_000}))
    asked = line.call("aggregate", "request", plan, "--purpose", "regulatory_reporting", "--json", who="ann")
    release = json.loads(asked.out)["id"]
    line.call("aggregate", "approve", release, who="paul")
    ran = line.spawn("--lang", "zh", "aggregate", "run", release, who="ann")
    assert (ran.code, ran.out) == (4, "")
    assert "隐私预算不足" in ran.err
    assert "left" in ran.err


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"arguments": ["--lang", "zh"]}, "尚未登录"),
        ({"arguments": ["--lang", "en"], "FIDUCIARY_LANG": "zh"}, "You are not signed in"),
        ({"arguments": [], "FIDUCIARY_LANG": "zh_CN"}, "尚未登录"),
        ({"arguments": [], "LANG": "zh_CN.UTF-8"}, "尚未登录"),
        ({"arguments": []}, "You are not signed in"),
    ],
)
def test_messages_come_in_the_language_asked_for(
    model_house: House, choice: dict[str, Any], said: str
) -> None:
    arguments = choice.pop("arguments")
    ran = line_of(model_house).call(*arguments, "budget", "show", **choice)
    assert said in ran.err


def test_every_error_has_words_in_both_languages() -> None:
    kinds = [FiduciaryError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    for kind in kinds:
        english, chinese = (message(kind.code, language) for language in ("en", "zh"))
        assert all(english), kind
        assert all(chinese), kind
        assert english != chinese


@pytest.mark.parametrize(
    "arguments",
    [
        ["score", "read", "li.wei@example.com"],
        ["consent", "withdraw", "value_segmentation", "li.wei@example.com"],
        ["rights", "open", "erasure", "13800138000"],
        ["rights", "open", "erasure", "--id-type", "13800138000"],
        ["13800138000"],
        ["rights", "certificate", "13800138000"],
        ["score", "read", "--purpose", "13800138000"],
        ["aggregate", "request", "/dev/null", "--purpose", "李伟"],
    ],
)
def test_an_identifier_in_a_wrong_place_is_refused_and_repeated_nowhere(
    home: House, arguments: list[str]
) -> None:
    typed = arguments[-1]
    for who in ("rita", "cora", "ann"):
        ran = line_of(home).call(*arguments, who=who, stdin="li.wei@example.com")
        assert ran.code in {2, 3}
        assert typed not in ran.said
    home.reopened().deps.audit.seal()
    assert home.reopened().deps.scanner.scan([typed]).hits == ()


def test_identifiers_are_asked_for_on_standard_input(model_house: House) -> None:
    for arguments, who in ((["score", "read"], "rita"), (["rights", "open", "erasure"], "cora")):
        ran = line_of(model_house).call(*arguments, who=who)
        assert ran.code == 2
        assert "nothing on standard input" in ran.err


def test_what_nobody_expected_is_named_by_its_kind_only(home: House) -> None:
    line = line_of(home)
    (home.settings.events / "buckets").unlink()
    (home.settings.events / "buckets").write_bytes("李伟 13800138000".encode("utf-16"))
    ran = line.call("doctor", "--json")
    assert (ran.code, ran.out) == (1, "")
    body = json.loads(ran.err)
    assert (body["error"], body["fields"]) == ("internal", {"kind": "UnicodeDecodeError"})
    assert "Traceback" not in ran.err
    assert "Traceback" in line.call("doctor", FIDUCIARY_DEBUG="1").err


def test_the_doctor_searches_for_identifiers_and_shows_none(home: House, tmp_path: Path) -> None:
    line, secret, listed = line_of(home), "zhang.wei@example.com", tmp_path / "listed.txt"
    listed.write_text(f"13912345678\n\n李\n{secret}\n", encoding="utf-8")
    ran = line.call("doctor", "--scan", listed, "--json")
    body = json.loads(ran.out)
    assert (ran.code, body["needles"], body["too_short"], body["hits"]) == (0, 2, [3], [])
    (home.settings.home / "report").mkdir(exist_ok=True)
    (home.settings.home / "report" / "left.txt").write_bytes(secret.encode("utf-16-le"))
    hit = {"file": "report/left.txt", "lines": [4], "vault": False}
    for source, typed in ((str(listed), ""), ("-", listed.read_text(encoding="utf-8"))):
        ran = line.call("doctor", "--scan", source, "--json", stdin=typed)
        assert (ran.code, json.loads(ran.out)["hits"]) == (1, [hit])
    ran = line.call("doctor", "--scan", listed)
    assert (ran.code, "report/left.txt" in ran.out, secret in ran.said) == (1, True, False)
    shown = [row for row in ran.err.splitlines() if "] scan: " in row]
    assert 2 <= len(shown) <= 22, "progress is told, but not file by file"
    listed.write_text("\n\n", encoding="utf-8")
    assert [line.call("doctor", "--scan", p).code for p in (listed, tmp_path / "absent")] == [2, 2]


def test_a_reader_who_leaves_and_a_full_disk_leave_no_traceback(model_house: House) -> None:
    line = line_of(model_house)
    command = f"set -o pipefail; {PROGRAM} %s"
    for rest, code in (("audit show --last 900 --json | true", {0, 1}), ("doctor > /dev/full", {1})):
        done = subprocess.run(
            ["bash", "-c", command % rest],
            env=line.environment("aud"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in code, done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception" not in done.stderr


def test_a_token_file_is_written_for_its_owner_only(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "home", {})
    ran = line.call("init", "--token-file", tmp_path / "secret" / "admin")
    assert ran.code == 0
    token = (tmp_path / "secret" / "admin").read_text().strip()
    assert token not in ran.said
    assert (tmp_path / "secret" / "admin").stat().st_mode & 0o077 == 0
    assert (tmp_path / "home" / "keys").stat().st_mode & 0o077 == 0
    assert line.call("budget", "show", FIDUCIARY_TOKEN=token).code == 0
    assert line.call("report", "build", "behaviour", FIDUCIARY_TOKEN=token).code == 3


def test_the_demo_input_can_be_made_and_refuses_a_silly_number(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "service.demo.generate", str(tmp_path / "input"), "--customers"]
    assert subprocess.run([*command, "60"], capture_output=True, check=False).returncode == 0
    assert (tmp_path / "input" / "contracts" / "notes.yaml").exists()
    assert subprocess.run([*command, "3"], capture_output=True, check=False).returncode == 2


def test_one_person_is_shown_a_score_with_its_reasons_in_their_language(home: House) -> None:
    line = line_of(home)
    for arguments, who in (
        (["profile", "build"], "max"),
        (["model", "train"], "max"),
        (["model", "approve", "credit", "1"], "paul"),
        (["score", "build"], "max"),
    ):
        assert line.call(*arguments, who=who).code == 0
    text = line.call("--lang", "zh", "score", "read", who="rita", stdin=home.emails[0]).out
    assert re.search(r"score \d{3}, grade [A-E]", text)
    assert re.search(r"R\d +\d+ +\S*[一-鿿]", text)


def test_a_service_is_made_before_it_is_used(tmp_path: Path) -> None:
    ran = CommandLine(tmp_path / "nothing", {}).call("doctor")
    assert ran.code == 1
    assert "fiduciary init" in ran.err
    assert not (tmp_path / "nothing").exists()


def test_two_houses_do_not_know_each_other(home: House, tmp_path: Path) -> None:
    generate(tmp_path / "other-input", customers=50)
    other = build(tmp_path / "other", tmp_path / "other-input", at=datetime.now(UTC))
    ran = line_of(home).call("budget", "show", FIDUCIARY_TOKEN=other.tokens["ann"])
    assert ran.code == 3


def test_reports_are_listed_in_words_and_in_json(home: House) -> None:
    line = line_of(home)
    assert line.call("report", "build", "rights", who="cora").code == 0
    name = next((home.settings.home / "report").glob("rights-*")).name
    (row,) = json.loads(line.call("report", "list", "--json", who="aud").out)
    assert (row["name"], row["type"], row["state"]) == (name, "rights", "draft")
    assert row["size"] == (home.settings.home / "report" / name).stat().st_size
    words = line.call("report", "list", who="aud").out
    assert [part in words for part in (name, "draft", row["date"])] == [True] * 3
    assert line.call("report", "list", who="ann").code == 3
