"""Signatures for the long term: PAdES B-LTA that pyHanko passes offline and poppler reads."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from fakes import tokens
from fakes.authority import EDWARDS, ROOT, RSA, SIGNER, TOKEN, TSA, Authority
from fakes.clock import FakeClock
from fakes.pades import document, long_term_verdict, pdfsig

from audit.timestamp import stamp_query
from service.adapters.keys.pkcs11 import parse_uri
from service.adapters.keys.report_key import ReportKey
from service.adapters.timestamps import HttpAuthority
from service.errors import StorageError

LTA = "PAdES-B-LTA"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def report_key(authority: Authority, name: str = SIGNER) -> ReportKey:
    """A key with everything that a long-term signature needs; the authority is asked without a network."""

    def stamp(sha256: bytes) -> bytes:
        return authority.answer(stamp_query(sha256))

    clock = FakeClock(datetime.now(UTC))
    return ReportKey(
        authority.key_folder(name), clock, authority.chain(name), (authority.crl,), stamper=stamp
    )


@pytest.fixture(scope="module")
def signed(authority: Authority) -> bytes:
    return report_key(authority).sign(document())


def test_it_passes_pyhankos_long_term_validation_offline(authority: Authority, signed: bytes) -> None:
    assert report_key(authority).level == LTA
    assert long_term_verdict(signed, authority.certificate(ROOT)) == "OK"


def test_poppler_finds_it_valid_and_sees_the_time_stamp(signed: bytes, tmp_path: Path) -> None:
    said = pdfsig(signed, tmp_path)
    assert said.count("Signature is Valid") == 1
    assert "ETSI.CAdES.detached" in said
    assert "Test signer" in said
    assert "Signature #2" in said
    assert "Test tsa" in said


def test_the_unsigned_bytes_stay_a_prefix(signed: bytes) -> None:
    assert signed.startswith(document())


def test_nobody_elses_root_will_do(signed: bytes, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, names=(ROOT, SIGNER, TSA), stranger=True)
    assert long_term_verdict(signed, stranger.certificate(ROOT)) != "OK"


def test_a_changed_byte_fails_with_both(authority: Authority, signed: bytes, tmp_path: Path) -> None:
    root, length = authority.certificate(ROOT), len(document())
    for at in (length // 3, length // 2, length + 40):
        changed = signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :]
        assert long_term_verdict(changed, root) != "OK"
        assert "Signature is Valid" not in pdfsig(changed, tmp_path)


def test_without_an_authority_it_is_b_b_and_no_long_term_signature(
    authority: Authority, tmp_path: Path, clock: FakeClock
) -> None:
    full = report_key(authority)
    for key in (
        ReportKey(tmp_path, clock),
        replace(full, chain=None, directory=tmp_path),
        replace(full, crls=()),
        replace(full, stamper=None),
    ):
        assert key.level == "PAdES-B-B"
        pdf = key.sign(document())
        assert "Signature is Valid" in pdfsig(pdf, tmp_path)
        assert "Total document signed" in pdfsig(pdf, tmp_path)
        assert long_term_verdict(pdf, authority.certificate(ROOT)) != "OK"
    assert ReportKey(tmp_path, clock).stamp(b"data") == b""


def test_the_certificates_are_handed_out_the_signers_first(authority: Authority) -> None:
    found = x509.load_pem_x509_certificates(report_key(authority).certificate())
    assert [c.subject.rfc4514_string().split(",")[0] for c in found] == [
        "CN=Test signer", "CN=Test root", "CN=Test tsa",
    ]  # fmt: skip


@pytest.mark.parametrize("who", [SIGNER, TSA])
def test_a_revoked_certificate_signs_nothing(tmp_path: Path, who: str) -> None:
    key = report_key(Authority(tmp_path, revoked=who))
    with pytest.raises(StorageError, match="do not hold"):
        key.sign(document())


def test_an_old_revocation_list_signs_nothing(tmp_path: Path) -> None:
    old = Authority(tmp_path, listed_at=datetime.now(UTC) - timedelta(days=90))
    with pytest.raises(StorageError, match="do not hold"):
        report_key(old).sign(document())


def test_an_authority_that_is_not_in_the_chain_signs_nothing(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, names=(ROOT, SIGNER, TSA), stranger=True)
    key = replace(report_key(authority), stamper=report_key(stranger).stamper)
    with pytest.raises(StorageError, match="do not hold"):
        key.sign(document())


@pytest.mark.parametrize("name", [EDWARDS, RSA])
def test_only_p256_signs_a_report(authority: Authority, name: str) -> None:
    """A reader such as poppler calls a PDF with an Ed25519 signature unsigned or corrupted."""
    key = report_key(authority, name)
    for part in (key, replace(key, stamper=None)):
        with pytest.raises(StorageError, match="P-256"):
            part.sign(document())


def test_a_key_that_is_not_the_certificates_signs_nothing(authority: Authority) -> None:
    key = replace(report_key(authority), chain=authority.chain(TSA))
    with pytest.raises(StorageError, match="belong together"):
        key.sign(document())


@pytest.mark.parametrize("part", ["chain", "crls"])
@pytest.mark.parametrize("content", [None, b"", b"nothing", b"-----BEGIN X509 CRL-----\n"])
def test_files_that_are_missing_or_damaged_are_one_error(
    authority: Authority, tmp_path: Path, part: str, content: bytes | None
) -> None:
    path, key = tmp_path / "file", report_key(authority)
    if content is not None:
        path.write_bytes(content)
    key = replace(key, chain=path) if part == "chain" else replace(key, crls=(path,))
    with pytest.raises(StorageError):
        key.sign(document())


def test_a_key_is_never_made_beside_the_certificate_of_an_authority(
    authority: Authority, tmp_path: Path
) -> None:
    key = replace(report_key(authority), directory=tmp_path)
    with pytest.raises(StorageError):
        key.sign(document())
    assert not list(tmp_path.iterdir())


def test_a_key_in_a_token_signs_for_the_long_term(tmp_path: Path) -> None:
    if shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed; run tools/system_packages.sh")
    held = Authority(tmp_path / "a", names=(ROOT, TOKEN, TSA), keys={TOKEN: tokens.public_pem()})
    chain, token = held.chain(TOKEN), parse_uri(tokens.uri(tokens.REPORT))
    key = replace(report_key(Authority(tmp_path / "b")), directory=tmp_path / "none", token=token)
    key = replace(key, chain=chain, crls=(held.crl,), stamper=lambda sha256: held.answer(stamp_query(sha256)))
    pdf = key.sign(document())
    assert long_term_verdict(pdf, held.certificate(ROOT)) == "OK"
    assert "Test token" in pdfsig(pdf, tmp_path)
    assert pdfsig(pdf, tmp_path).count("Signature is Valid") == 1
    with pytest.raises(StorageError, match="belong together"):
        replace(key, token=parse_uri(tokens.uri(tokens.LOG))).sign(document())


def test_over_http_the_authority_sees_three_digests_and_nothing_else(authority: Authority) -> None:
    with authority.serving() as (url, queries):
        key = replace(report_key(authority), stamper=HttpAuthority(url).stamp)
        assert long_term_verdict(key.sign(document()), authority.certificate(ROOT)) == "OK"
    assert len(queries) == 3
    assert {len(query) for query in queries} == {59}
