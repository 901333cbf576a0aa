"""A time-stamp beside a bundle's checkpoint: checked when it is there, demanded with its authority."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.audit_logs import REPORT, make_bundle, make_certificate, places, small_log
from fakes.authority import ROOT, RSA, TSA, Authority

from audit.bundle import STAMP, build_bundle, pack_bundle, unpack_bundle, verify_bundle
from audit.errors import BrokenLinkError, FormatError
from audit.evidence import parse_place
from audit.log import Log
from audit.timestamp import stamp_query, verify_stamp
from audit.verify import main, verify

LINK = "time-stamp of the checkpoint"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return small_log(tmp_path / "log", 5)


def stamped(log: Log, authority: Authority) -> dict[str, bytes]:
    """The files of a bundle with a time-stamp over its checkpoint."""
    files = unpack_bundle(make_bundle(log, [1]))
    digest = hashlib.sha256(files["checkpoint"]).digest()
    return files | {STAMP: authority.answer(stamp_query(digest))}


def broken(files: dict[str, bytes], tsa: bytes = b"") -> str:
    with pytest.raises(BrokenLinkError) as caught:
        verify_bundle(pack_bundle(files), tsa=tsa)
    return caught.value.link


def test_its_time_is_told_and_whether_the_authority_was_named(log: Log, authority: Authority) -> None:
    files = stamped(log, authority)
    at = verify_stamp(files[STAMP], hashlib.sha256(files["checkpoint"]).digest()).isoformat()
    for tsa in (b"", authority.certificate(TSA)):
        facts = verify_bundle(pack_bundle(files), tsa=tsa)
        assert (facts.stamped_at, facts.stamp_pinned) == (at, bool(tsa))
        assert STAMP not in facts.files


def test_a_bundle_is_built_with_it(log: Log, authority: Authority) -> None:
    plain = make_bundle(log, [1])
    assert verify_bundle(plain).stamped_at == ""
    files = unpack_bundle(plain)
    issue = parse_place(verify_bundle(plain).issue)
    evidence, cited = log.evidence([1, issue.position]), places(log, 1)
    stamp = authority.answer(stamp_query(hashlib.sha256(evidence.checkpoint).digest()))
    evidence = replace(evidence, stamp=stamp)
    data = build_bundle(REPORT, files["manifest.dsse.json"], cited, issue, evidence=evidence)
    assert unpack_bundle(data)[STAMP] == stamp
    with pytest.raises(FormatError, match="taken"):
        build_bundle({**REPORT, STAMP: b""}, files["manifest.dsse.json"], cited, issue, evidence=evidence)
    with pytest.raises(BrokenLinkError, match=LINK):
        build_bundle(
            REPORT, files["manifest.dsse.json"], cited, issue, evidence=replace(evidence, stamp=b"x")
        )


def test_one_of_another_checkpoint_breaks_the_bundle(log: Log, authority: Authority, tmp_path: Path) -> None:
    other = stamped(small_log(tmp_path / "other", 7), authority)[STAMP]
    assert broken(stamped(log, authority) | {STAMP: other}) == LINK


def test_one_of_another_authority_breaks_it_for_who_names_one(log: Log, authority: Authority) -> None:
    files = stamped(log, authority)
    assert broken(files, authority.certificate(RSA)) == LINK
    assert broken(files, authority.certificate(ROOT)) == LINK
    assert broken(files, b"nothing") == LINK


def test_who_names_an_authority_takes_nothing_without_its_time_stamp(log: Log, authority: Authority) -> None:
    """The manifest cannot cover it, so it can be taken away; whoever relies on it names the authority."""
    files = stamped(log, authority)
    del files[STAMP]
    assert verify_bundle(pack_bundle(files)).stamped_at == ""
    assert broken(files, authority.certificate(TSA)) == LINK


def test_an_empty_or_damaged_one_is_not_none(log: Log, authority: Authority) -> None:
    files = stamped(log, authority)
    assert broken(files | {STAMP: b""}) == f"presence of {STAMP}"
    assert broken(files | {STAMP: files[STAMP][:-1]}) == LINK


def test_the_command_line_checks_it(log: Log, authority: Authority, tmp_path: Path) -> None:
    path, tsa = tmp_path / "bundle.zip", authority.folder / f"{TSA}.pem"
    path.write_bytes(pack_bundle(stamped(log, authority)))
    command = [sys.executable, "-m", "audit.verify", str(path), "--json", "--tsa", str(tsa)]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert said["stamp_pinned"] is True
    assert main([str(path), "--tsa", str(authority.folder / f"{RSA}.pem")]) == 5
    assert main([str(path), "--tsa", str(tmp_path / "missing")]) == 2


def test_only_a_bundle_has_one(log: Log, authority: Authority, tmp_path: Path) -> None:
    certificate = tmp_path / "certificate.json"
    certificate.write_bytes(make_certificate(log, [1]))
    for path in (certificate, tmp_path / "log"):
        verify(path)
        with pytest.raises(BrokenLinkError, match=STAMP):
            verify(path, tsa=authority.certificate(TSA))


def test_openssl_verifies_the_file_as_it_is_in_the_bundle(
    log: Log, authority: Authority, tmp_path: Path
) -> None:
    for name, data in stamped(log, authority).items():
        (tmp_path / Path(name).name).write_bytes(data)
    root = authority.folder / f"{ROOT}.pem"
    command = ["openssl", "ts", "-verify", "-data", "checkpoint", "-in", STAMP, "-CAfile", str(root)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Verification: OK" in done.stdout
