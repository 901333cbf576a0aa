"""The whole job with both databases on PostgreSQL, through the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fakes.command import CommandLine, Ran
from fakes.postgres import PostgresServer

from service.demo.generate import consented_emails, generate
from service.demo.run import PLAN, STAFF
from service.usecases.evidence import verify_evidence

pytestmark = pytest.mark.postgres


def said(ran: Ran) -> dict[str, object]:
    assert ran.code == 0, ran.said
    value = json.loads(ran.out)
    assert isinstance(value, dict)
    return value


def test_the_whole_job_on_two_postgresql_databases(postgres_server: PostgresServer, tmp_path: Path) -> None:
    home, source, tokens = tmp_path / "home", tmp_path / "input", dict[str, str]()
    names = [postgres_server.create(), postgres_server.create()]
    urls = [postgres_server.url(name) for name in names]
    line = CommandLine(home, tokens, {"FIDUCIARY_DATABASE_URL": urls[0], "FIDUCIARY_VAULT_URL": urls[1]})
    generate(source, customers=200)
    try:
        tokens["admin"] = str(said(line.spawn("init", "--json"))["token"])
        for actor, role in STAFF.items():
            added = said(line.call("user", "add", actor, "--role", role, "--json", who="admin"))
            tokens[actor.partition(":")[2]] = str(added["token"])
        _take_in(line, source)
        _aggregate(line, tmp_path)
        emails = consented_emails(source)
        for arguments, who in (
            ("profile build", "max"), ("model train", "max"), ("model approve credit 1", "paul"),
            ("score build", "max"),
        ):  # fmt: skip
            said(line.call(*arguments.split(), "--json", who=who))
        score = said(line.call("score", "read", "--json", who="rita", stdin=emails[0]))
        assert str(score["reasons"]).count("'code'") == 4
        _erase(line, emails[0])
        assert line.call("score", "read", who="rita", stdin=emails[0]).code == 2
        draft = said(line.call("report", "build", "behaviour", "--json", who="cora"))["draft"]
        issued = line.call("report", "approve", Path(str(draft)).name, "--json", who="paul")
        bundle = Path(str(said(issued)["bundle"]))
        certificate = next((home / "certificates").glob("*.json"))
        for evidence in (home / "log", bundle, certificate):
            assert verify_evidence(evidence)
        assert line.spawn("doctor").code == 0
        found = said(line.call("audit", "fsck", "--rebuild-index", "--json"))
        assert (found["sound"], found["indexed"]) == (True, found["entries"])
        assert not list(home.glob("*.sqlite*"))
        _is_gone(postgres_server, names, emails[0])
    finally:
        for name in names:
            postgres_server.drop(name)


def _take_in(line: CommandLine, source: Path) -> None:
    for name in ("customers", "statements", "notes"):
        said(line.call("dataset", "add", source / "contracts" / f"{name}.yaml", "--json", who="dana"))
    assert (
        said(line.call("consent", "import", source / "consents.csv", "--json", who="dana"))["rejected"] == 0
    )
    for name, file in (
        ("customers", "customers.csv"),
        ("statements", "statements.csv"),
        ("notes", "notes.jsonl"),
    ):
        first = said(line.call("ingest", name, source / file, "--json", who="dana"))
        assert first["rows"] == sum(int(str(first[k])) for k in ("admitted", "quarantined", "refused"))
        assert said(line.call("ingest", name, source / file, "--json", who="dana")) == first


def _aggregate(line: CommandLine, folder: Path) -> None:
    plan = folder / "plan.json"
    plan.write_text(json.dumps(PLAN))
    asked = said(
        line.call("aggregate", "request", plan, "--purpose", "regulatory_reporting", "--json", who="ann")
    )
    release = str(asked["id"])
    assert line.call("aggregate", "approve", release, who="ann").code == 3
    said(line.call("aggregate", "approve", release, "--json", who="paul"))
    answer = said(line.spawn("aggregate", "run", release, "--json", who="ann"))
    spent = line.call("budget", "show", "--json", who="ann").out
    assert said(line.call("aggregate", "run", release, "--json", who="ann")) == answer
    assert line.call("budget", "show", "--json", who="ann").out == spent


def _erase(line: CommandLine, email: str) -> None:
    opened = line.call("rights", "open", "erasure", "--json", who="cora", stdin=email)
    request = str(said(opened)["id"])
    code = re.findall(r"\b\d{6}\b", opened.err)[0]
    said(line.call("rights", "verify", request, "--code", code, "--json"))
    said(line.call("rights", "decide", request, "--json", who="cora"))
    assert said(line.spawn("rights", "run", request, "--json", who="cora"))["state"] == "done"


def _is_gone(server: PostgresServer, names: list[str], email: str) -> None:
    """No column of any table of either database says the address."""
    import psycopg

    for name in names:
        with psycopg.connect(f"host={server.socket} user=fiduciary dbname={name}") as connection:
            tables = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
            ).fetchall()
            assert tables
            for (table,) in tables:
                query = f'SELECT count(*) FROM "{table}" t WHERE position(%s in t::text) > 0'  # noqa: S608
                assert connection.execute(query.encode(), (email,)).fetchone() == (0,)
