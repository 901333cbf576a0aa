"""Report bundles and certificates: every byte counts, and the first broken link is named."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.audit_logs import (
    KEY,
    MANIFEST,
    REPORT,
    entries,
    entry,
    flips,
    make_bundle,
    make_certificate,
    places,
    sign_manifest,
    small_log,
)

from audit.bundle import build_bundle, pack_bundle, unpack_bundle, verify_bundle
from audit.canonical import digest
from audit.certificate import build_certificate, parse_certificate, verify_certificate
from audit.dsse import subject_digests
from audit.errors import AuditError, BrokenLinkError, FormatError
from audit.evidence import Evidence, Place
from audit.log import Log
from audit.logdir import create_log
from audit.note import SigningKey, format_vkey

VKEY = format_vkey(KEY.key)
OTHER = SigningKey(KEY.name, bytes(32))


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return small_log(tmp_path / "log", 5)


def broken(data: bytes, check: Callable[[bytes], object] = verify_bundle) -> str:
    with pytest.raises(BrokenLinkError) as caught:
        check(data)
    return caught.value.link


def test_a_bundle_says_what_it_proves(log: Log) -> None:
    facts = verify_bundle(make_bundle(log, [0, 3]), vkey=VKEY)
    assert (facts.entries, facts.issue) == ((f"{KEY.name}/0", f"{KEY.name}/3"), f"{KEY.name}/5")
    assert (facts.size, facts.origin) == (6, KEY.name)
    assert facts.files == subject_digests(REPORT)
    assert facts.vkey_pinned
    assert facts.issued_at.endswith("+00:00")


def test_a_bundle_is_a_plain_zip_with_the_documented_files(log: Log) -> None:
    with zipfile.ZipFile(io.BytesIO(make_bundle(log, [0]))) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {
            *REPORT,
            MANIFEST,
            "checkpoint",
            "vkey",
            f"entries/{KEY.name}/0.json",
            f"entries/{KEY.name}/5.json",
            f"proofs/{KEY.name}/0.tlog-proof",
            f"proofs/{KEY.name}/5.tlog-proof",
        }


def test_every_single_byte_of_a_bundle_counts(log: Log) -> None:
    data = make_bundle(log, [1])
    for _, changed in flips(data):
        broken(changed)


def test_every_single_byte_of_a_certificate_counts(log: Log) -> None:
    data = make_certificate(log, [1])
    for _, changed in flips(data):
        broken(changed, verify_certificate)


@pytest.mark.parametrize("length", [0, 1, 4, 30, -1, -22])
def test_a_cut_bundle_or_certificate_is_refused(log: Log, length: int) -> None:
    broken(make_bundle(log, [1])[:length])
    broken(make_certificate(log, [1])[:length], verify_certificate)


def test_bytes_after_or_before_the_zip_are_refused(log: Log) -> None:
    data = make_bundle(log, [1])
    assert broken(data + b"\x00") == "packing of the zip"
    broken(b"\x00" + data)


def change(data: bytes, name: str, new: bytes | None) -> bytes:
    files = unpack_bundle(data)
    if new is None:
        files.pop(name)
    else:
        files[name] = new
    return pack_bundle(files)


@pytest.mark.parametrize(
    ("name", "new", "link"),
    [
        ("report.json", b"{}", "digest of report.json"),
        ("cells.csv", None, "presence of cells.csv"),
        ("new.csv", b"", "presence of new.csv"),
        (MANIFEST, None, f"presence of {MANIFEST}"),
        (MANIFEST, b"{}", f"signature of {MANIFEST}"),
        ("checkpoint", b"x", "checkpoint signature"),
        ("vkey", b"x\n", "verifier key"),
        ("vkey", VKEY.encode(), "verifier key"),
        (f"entries/{KEY.name}/3.json", entry(2), f"inclusion of entry {KEY.name}/3"),
        (f"entries/{KEY.name}/3.json", None, "proofs"),
        (f"proofs/{KEY.name}/3.tlog-proof", b"x", f"inclusion of entry {KEY.name}/3"),
        (f"entries/{KEY.name}/2.json", entry(2), "proofs"),
    ],
)
def test_the_first_broken_link_of_a_well_packed_bundle_is_named(
    log: Log, name: str, new: bytes | None, link: str
) -> None:
    assert broken(change(make_bundle(log, [0, 3]), name, new)) == link


def test_proof_of_another_index_or_checkpoint_is_refused(log: Log) -> None:
    old = log.evidence([3])
    data = make_bundle(log, [0, 3])
    assert (
        broken(change(data, f"proofs/{KEY.name}/3.tlog-proof", old.proofs[Place(KEY.name, 3)]))
        == f"inclusion of entry {KEY.name}/3"
    )
    other = unpack_bundle(data)[f"proofs/{KEY.name}/0.tlog-proof"]
    assert (
        broken(change(data, f"proofs/{KEY.name}/3.tlog-proof", other)) == f"inclusion of entry {KEY.name}/3"
    )


def test_one_more_or_one_less_entry_than_cited_is_refused(log: Log) -> None:
    data = make_bundle(log, [0, 3])
    more, place = log.evidence([2]), Place(KEY.name, 2)
    files = unpack_bundle(data) | {
        f"entries/{place}.json": more.entries[place],
        f"proofs/{place}.tlog-proof": more.proofs[place],
    }
    assert broken(pack_bundle(files)) == f"entries cited by {MANIFEST}"
    files = unpack_bundle(data)
    del files[f"entries/{KEY.name}/3.json"], files[f"proofs/{KEY.name}/3.tlog-proof"]
    assert broken(pack_bundle(files)) == f"entries cited by {MANIFEST}"


@pytest.mark.parametrize(
    "cited",
    [
        None,
        f"{KEY.name}/0",
        [f"{KEY.name}/1", f"{KEY.name}/0"],
        [f"{KEY.name}/0", f"{KEY.name}/0"],
        [True],
        [0],
        ["0"],
        ["/0"],
        [f"{KEY.name}/-1"],
        [f"{KEY.name}/1.0"],
        [f"{KEY.name}/01"],
        [f"{KEY.name}/"],
    ],
)
def test_citations_have_one_form(log: Log, cited: object) -> None:
    envelope = sign_manifest(cited, KEY)
    (issue,) = log.append(entry(9, kind="report:issue", payload=digest(envelope)))
    log.publish()
    with pytest.raises(BrokenLinkError) as caught:
        build_bundle(
            REPORT,
            envelope,
            places(log, 0, 1),
            Place(log.origin, issue),
            evidence=log.evidence([0, 1, issue]),
        )
    assert caught.value.link == f"entries cited by {MANIFEST}"


@pytest.mark.parametrize("kind", ["report:issue", "report:build"])
def test_a_manifest_that_nobody_logged_is_refused(log: Log, kind: str) -> None:
    envelope = sign_manifest([f"{KEY.name}/0"], KEY)
    payload = digest(envelope if kind == "report:build" else b"another")
    (issue,) = log.append(entry(9, kind=kind, payload=payload))
    log.publish()
    with pytest.raises(BrokenLinkError) as caught:
        build_bundle(
            REPORT, envelope, places(log, 0), Place(log.origin, issue), evidence=log.evidence([0, issue])
        )
    assert caught.value.link == "report:issue entry"


def test_building_from_parts_that_do_not_fit_is_refused(log: Log) -> None:
    envelope = sign_manifest([f"{KEY.name}/0"], KEY)
    (issue,) = log.append(entry(9, kind="report:issue", payload=digest(envelope)))
    log.publish()
    evidence, cited, (act, later) = log.evidence([0, issue]), places(log, 0), places(log, issue, issue + 1)
    build_bundle(REPORT, envelope, cited, act, evidence=evidence)
    with pytest.raises(BrokenLinkError):
        build_bundle(REPORT, envelope, cited, later, evidence=evidence)
    with pytest.raises(BrokenLinkError):
        build_bundle(REPORT, envelope, cited, Place("example.com/other", issue), evidence=evidence)
    with pytest.raises(BrokenLinkError):
        build_bundle(REPORT, envelope, [], act, evidence=evidence)
    with pytest.raises(FormatError):
        build_bundle({**REPORT, "vkey": b""}, envelope, cited, act, evidence=evidence)
    with pytest.raises(BrokenLinkError):
        build_bundle({"report.json": b""}, envelope, cited, act, evidence=evidence)


def test_whoever_knows_the_key_refuses_evidence_made_with_another(tmp_path: Path, log: Log) -> None:
    forged = create_log(tmp_path / "forged", OTHER)
    forged.append(*entries(0, 3))
    for make, check in ((make_bundle, verify_bundle), (make_certificate, verify_certificate)):
        data = make(forged, [1])
        check(data)
        with pytest.raises(BrokenLinkError) as caught:
            check(data, vkey=log.vkey)
        assert caught.value.link == "verifier key"


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a//b", ".x", "a/../b", "a\\b", "é", "", "a/", "a b", "x" * 200]
)
def test_names_that_could_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(FormatError):
        pack_bundle({name: b""})


def test_packing_is_deterministic_and_order_free() -> None:
    files = {"b": b"2", "a/c": b"3", "a": b"1"}
    assert pack_bundle(files) == pack_bundle(dict(reversed(files.items())))
    assert unpack_bundle(pack_bundle(files)) == files


def test_a_zip_made_by_other_means_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.json", "{}" * 100)
    with pytest.raises(FormatError):
        unpack_bundle(buffer.getvalue())


def test_a_certificate_says_what_it_proves(log: Log) -> None:
    data = make_certificate(log, [0, 3])
    facts = verify_certificate(data, vkey=VKEY)
    assert (facts.entries, facts.certify) == ((f"{KEY.name}/0", f"{KEY.name}/3"), f"{KEY.name}/5")
    assert (facts.size, facts.origin) == (6, KEY.name)
    assert facts.predicate["outcome"] == "erased"
    assert facts.vkey_pinned
    assert facts.certified_at.endswith("+00:00")


def test_the_first_broken_link_of_a_certificate_is_named(log: Log) -> None:
    envelope, evidence = parse_certificate(make_certificate(log, [0, 3]))
    first, third, act = places(log, 0, 3, 5)
    cases: list[tuple[Evidence, str]] = [
        (replace(evidence, checkpoint=b"x"), "checkpoint signature"),
        (replace(evidence, vkey="x"), "verifier key"),
        (
            replace(evidence, entries={**evidence.entries, third: entry(2)}),
            f"inclusion of entry {KEY.name}/3",
        ),
        (replace(evidence, proofs={first: evidence.proofs[first]}), "proofs"),
    ]
    for changed, link in cases:
        with pytest.raises(BrokenLinkError) as caught:
            build_certificate(envelope, [first, third], act, evidence=changed)
        assert caught.value.link == link
    with pytest.raises(BrokenLinkError):
        build_certificate(envelope, [first], act, evidence=evidence)
    build_certificate(envelope, [first, third], act, evidence=evidence)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 60_000, b'{"statement": 1}'])
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    assert broken(data, verify_certificate) == "spelling of the certificate"


def test_a_certificate_spelt_in_another_way_is_refused(log: Log) -> None:
    data = make_certificate(log, [1])
    for changed in (
        json.dumps(json.loads(data)).encode(),
        data + b"\n",
        data.replace(b'"format"', b'"Format"'),
    ):
        assert broken(changed, verify_certificate) == "spelling of the certificate"


def test_every_failure_is_an_audit_error(log: Log) -> None:
    with pytest.raises(AuditError):
        verify_bundle(make_certificate(log, [1]))
    with pytest.raises(AuditError):
        verify_certificate(make_bundle(log, [1]))
