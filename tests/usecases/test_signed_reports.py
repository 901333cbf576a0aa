"""A service with its keys in a token and a certified report key: its reports hold offline, for long."""

from __future__ import annotations

import io
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes import tokens
from fakes.authority import ROOT, TOKEN, TSA, Authority
from fakes.clock import FakeClock
from fakes.pades import long_term_verdict

from audit.bundle import verify_bundle
from audit.dsse import parse_envelope, parse_statement
from service.domain.actors import Actor
from service.errors import FiduciaryError, StorageError, UsageError
from service.ports import Deps
from service.settings import load_settings
from service.usecases.evidence import verify_evidence
from service.usecases.report import approve_report, build_report
from service.usecases.users import add_user
from service.wiring import create_service, open_service

BUILDER = Actor("user:cora", frozenset({"compliance_officer"}))
APPROVER = Actor("user:paul", frozenset({"privacy_officer"}))
KIND = "rights"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed; run tools/system_packages.sh")
    folder = tmp_path_factory.mktemp("authority")
    return Authority(folder, names=(ROOT, TOKEN, TSA), keys={TOKEN: tokens.public_pem()})


def environment(authority: Authority, url: str) -> dict[str, str]:
    return {
        "FIDUCIARY_REPORT_CERTIFICATE": str(authority.chain(TOKEN)),
        "FIDUCIARY_REPORT_CRLS": str(authority.crl),
        "FIDUCIARY_REPORT_KEY": tokens.uri(tokens.REPORT),
        "FIDUCIARY_LOG_KEY": tokens.uri(tokens.LOG),
        "FIDUCIARY_TSA": url,
    }


def opened(environment: dict[str, str], home: Path) -> Deps:
    """A new service with its two officers, opened again as another process would."""
    settings = load_settings(environment, home=home)
    clock = FakeClock(datetime.now(UTC))
    deps, _ = create_service(settings, clock=clock)
    for officer in (BUILDER, APPROVER):
        add_user(officer, actor=Actor("user:admin", frozenset({"admin"})), deps=deps)
    return open_service(settings, clock=clock)


def issued(deps: Deps) -> dict[str, bytes]:
    """The files of a report that one person built and another approved."""
    draft = build_report(KIND, actor=BUILDER, deps=deps)
    path = approve_report(draft.name, actor=APPROVER, deps=deps)
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def level(files: dict[str, bytes]) -> object:
    statement = parse_statement(parse_envelope(files["manifest.dsse.json"]).payload)
    return statement.predicate["signature"]


def test_its_report_is_signed_and_stamped_for_the_long_term(authority: Authority, tmp_path: Path) -> None:
    with authority.serving() as (url, queries):
        deps = opened(environment(authority, url), tmp_path)
        files = issued(deps)
    assert len(queries) == 7, "three for each PDF and one for the checkpoint"
    assert level(files) == "PAdES-B-LTA"
    for name in ("report.zh.pdf", "report.en.pdf"):
        assert long_term_verdict(files[name], authority.certificate(ROOT)) == "OK"
    (bundle,) = (tmp_path / "report").glob("*.zip")
    facts = verify_evidence(bundle, vkey=deps.audit.vkeys()[0], tsa=authority.folder / f"{TSA}.pem")
    assert facts["stamp_pinned"] is True
    assert facts["stamped_at"]
    assert not list((tmp_path / "keys").glob("log*")), "the log's key is in the token"
    assert not list((tmp_path / "keys").glob("report*"))


def test_without_settings_it_is_b_b_and_says_so(tmp_path: Path) -> None:
    files = issued(opened({}, tmp_path))
    assert level(files) == "PAdES-B-B"
    assert "checkpoint.tsr" not in files
    (bundle,) = (tmp_path / "report").glob("*.zip")
    assert verify_bundle(bundle.read_bytes()).stamped_at == ""


def test_an_authority_that_is_silent_stops_the_issue_and_the_draft_stays(
    authority: Authority, tmp_path: Path
) -> None:
    with authority.serving(500) as (url, _):
        deps = opened(environment(authority, url), tmp_path)
        draft = build_report(KIND, actor=BUILDER, deps=deps)
        with pytest.raises(StorageError):
            approve_report(draft.name, actor=APPROVER, deps=deps)
        assert draft.exists()
        assert not [p for p in (tmp_path / "report").glob("*.zip") if p != draft]


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("FIDUCIARY_REPORT_KEY", "report.pem", UsageError),
        ("FIDUCIARY_LOG_KEY", "log.key", FiduciaryError),
        ("FIDUCIARY_TSA", "ftp://authority", UsageError),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(
    tmp_path: Path, name: str, value: str, error: type[FiduciaryError]
) -> None:
    create_service(load_settings({}, home=tmp_path))
    with pytest.raises(error):
        open_service(load_settings({name: value}, home=tmp_path))


def test_the_key_of_a_report_does_not_sign_the_log(authority: Authority, tmp_path: Path) -> None:
    settings = load_settings({"FIDUCIARY_LOG_KEY": tokens.uri(tokens.REPORT)}, home=tmp_path)
    with pytest.raises(FiduciaryError, match="verifier key"):
        create_service(settings)
