"""``audit export`` and ``audit fsck`` as an auditor runs them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.command import CommandLine
from fakes.house import House, build
from fakes.log_readers import entries_of_prov, entry_of_cef, entry_of_ocsf

from audit.entry import Entry
from audit.evidence import Place
from service.ports import Deps
from service.usecases.tracing import export_log

ORIGIN = "fiduciary.example/log"
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build(tmp_path / "home", tmp_path, at=datetime.now(UTC))


@pytest.fixture
def line(house: House) -> CommandLine:
    return CommandLine(house.settings.home, house.tokens)


def logged(deps: Deps) -> list[tuple[Place, Entry]]:
    return list(deps.audit.entries())


def read(form: str, text: str) -> list[tuple[Place, Entry]]:
    if form == "prov":
        return entries_of_prov(text, ORIGIN)
    reader = entry_of_cef if form == "cef" else entry_of_ocsf
    return [reader(each, ORIGIN) for each in text.splitlines()]


@pytest.mark.parametrize("form", ["ocsf", "cef", "prov"])
def test_the_whole_log_comes_out_in_each_form(
    house: House, line: CommandLine, tmp_path: Path, form: str
) -> None:
    file = tmp_path / "out"
    ran = line.call("audit", "export", "--format", form, "--output", file, "--json", who="aud")
    assert (ran.code, json.loads(ran.out)) == (0, {"file": str(file)}), ran.said
    assert read(form, file.read_text(encoding="utf-8")) == logged(house.deps)
    ran = line.call("audit", "export", "--format", form, who="aud", TRACEPARENT=f"00-{TRACE}-{TRACE[:16]}-01")
    assert read(form, ran.out) == logged(house.deps)
    (*_, (_, last)) = logged(house.deps)
    assert (last.type, dict(last.detail)) == ("audit:export", {"format": form, "trace": TRACE})
    assert line.call("audit", "export", "--format", form, "--output", file, who="aud").code == 1


def test_an_export_of_some_time_has_the_entries_of_that_time(house: House, line: CommandLine) -> None:
    rows = logged(house.deps)
    middle = rows[len(rows) // 2][1].at
    day = f"{middle:%Y-%m-%d}"
    ran = line.call("audit", "export", "--format", "cef", "--until", day, who="aud")
    assert (ran.code, ran.out) == (0, "")
    ran = line.call("audit", "export", "--format", "cef", "--since", day, who="aud")
    assert read("cef", ran.out) == logged(house.deps)
    (*_, (_, last)) = logged(house.deps)
    assert dict(last.detail)["since"] == f"{day}T00:00:00+00:00"
    found = export_log("cef", since=middle, until=middle, actor=house.actor("aud"), deps=house.deps)
    assert list(found) == []


def test_it_is_logged_before_the_first_byte_and_denied_to_others(
    house: House, line: CommandLine, tmp_path: Path
) -> None:
    count = len(logged(house.deps))
    lines = export_log("ocsf", actor=house.actor("aud"), deps=house.deps)
    assert [entry.type for _, entry in logged(house.deps)[count:]] == ["audit:export"]
    next(lines)
    file = tmp_path / "out"
    ran = line.call("audit", "export", "--format", "cef", "--output", file, who="ann")
    assert (ran.code, file.exists()) == (3, False)
    assert logged(house.deps)[-1][1].decision == "deny"


def test_fsck_says_what_it_found_and_names_what_is_broken(house: House, line: CommandLine) -> None:
    ran = line.call("audit", "fsck")
    assert ran.code == 0, ran.said
    assert ran.out.startswith("SOUND ")
    found = json.loads(line.call("audit", "fsck", "--rebuild-index", "--json").out)
    assert (found["sound"], found["entries"], found["behind"]) == (True, found["size"], 0)
    assert line.call("audit", "fsck", house.settings.log).code == 0
    assert line.call("audit", "fsck", house.settings.log, "--rebuild-index").code == 2
    assert line.call("audit", "fsck", house.settings.home / "nothing").code == 2
    path = next((house.settings.log / "governance").rglob("entries/000.p/*"))
    path.write_bytes(path.read_bytes().replace(b"user:", b"usex:", 1))
    for arguments in ((), (house.settings.log,)):
        ran = line.call("audit", "fsck", *arguments, "--json")
        error = json.loads(ran.err)
        assert (ran.code, ran.out, error["reason"]) == (5, "", "the log does not hold")
        assert "tile" in error["fields"]["link"]
