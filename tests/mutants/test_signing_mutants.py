"""Broken variants of time-stamps and signatures, each caught by a check that the real ones pass."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fakes import tokens
from fakes.audit_logs import make_bundle, small_log
from fakes.authority import EDWARDS, ROOT, SIGNER, TSA, Authority
from fakes.clock import FakeClock
from fakes.mutated import Mutant, mutated
from fakes.pades import document, long_term_verdict

import audit.bundle
import audit.timestamp
import service.adapters.keys.pkcs11
import service.adapters.keys.report_key
import service.adapters.timestamps
import service.reporting.sign
from audit.bundle import STAMP, pack_bundle, unpack_bundle
from audit.errors import AuditError
from audit.timestamp import stamp_query
from service.adapters.keys.report_key import ReportKey
from service.errors import FiduciaryError

DIGEST, OTHER = hashlib.sha256(b"data").digest(), hashlib.sha256(b"other").digest()


def refused(work: Callable[[], object]) -> None:
    """The work fails as it should: with an error of ours."""
    try:
        work()
    except (AuditError, FiduciaryError):
        return
    pytest.fail("taken")


def stamps_are_of_the_data(timestamp: ModuleType, folder: Path) -> None:
    response = Authority(folder).answer(stamp_query(OTHER))
    refused(lambda: timestamp.verify_stamp(response, DIGEST))


def stamps_are_signed(timestamp: ModuleType, folder: Path) -> None:
    """Neither a changed signature, nor the content of one under the signature of another."""
    authority = Authority(folder)
    response, certificate = authority.answer(stamp_query(DIGEST)), authority.certificate(TSA)
    timestamp.verify_stamp(response, DIGEST, certificate)
    refused(lambda: timestamp.verify_stamp(response[:-1] + bytes([response[-1] ^ 1]), DIGEST, certificate))
    forged = authority.answer(stamp_query(OTHER)).replace(OTHER, DIGEST)
    refused(lambda: timestamp.verify_stamp(forged, DIGEST, certificate))


def certificates_have_a_purpose(timestamp: ModuleType, folder: Path) -> None:
    """A key that signs reports cannot make its own time."""
    authority = Authority(folder)
    query = stamp_query(DIGEST)
    response = authority.answer(query)
    refused(lambda: timestamp.verify_stamp(response, DIGEST, authority.certificate("old")))


def bundles_check_the_stamp(bundle: ModuleType, folder: Path) -> None:
    authority = Authority(folder / "authority")
    files = unpack_bundle(make_bundle(small_log(folder / "log", 2), [1]))
    stamp = authority.answer(stamp_query(OTHER))
    refused(lambda: bundle.verify_bundle(pack_bundle(files | {STAMP: stamp})))
    refused(lambda: bundle.verify_bundle(pack_bundle(files), tsa=authority.certificate(TSA)))


def answers_are_checked(timestamps: ModuleType, folder: Path) -> None:
    authority = Authority(folder)
    with authority.serving(body=authority.answer(stamp_query(OTHER))) as (url, _):
        refused(lambda: timestamps.HttpAuthority(url).stamp(DIGEST))


def report_key(authority: Authority, module: ModuleType, name: str = SIGNER) -> Any:
    return module.ReportKey(
        authority.key_folder(name), FakeClock(datetime.now(UTC)), authority.chain(name), (authority.crl,),
        stamper=lambda sha256: authority.answer(stamp_query(sha256)),
    )  # fmt: skip


def reports_are_p256_of_the_certificate(module: ModuleType, folder: Path) -> None:
    authority = Authority(folder)
    refused(lambda: report_key(authority, module, EDWARDS).sign(document()))
    key = replace(report_key(authority, module), chain=authority.chain(TSA), stamper=None)
    refused(lambda: key.sign(document()))


def the_level_is_the_signatures(module: ModuleType, folder: Path) -> None:
    authority = Authority(folder)
    key = report_key(authority, module)
    for part in (key, replace(key, crls=()), replace(key, stamper=None)):
        verdict = long_term_verdict(part.sign(document()), authority.certificate(ROOT))
        assert (part.level == "PAdES-B-LTA") == (verdict == "OK")


def long_term_signatures_last(sign: ModuleType, folder: Path) -> None:
    authority = Authority(folder)
    key = report_key(authority, service.adapters.keys.report_key)
    private, chain, crls = key._load()
    pdf = sign.sign_pdf(document(), private, chain, at=key.clock.now(), crls=crls, stamp=key.stamper)
    assert long_term_verdict(pdf, authority.certificate(ROOT)) == "OK"
    assert pdf.startswith(document())


def unknown_is_not_good(sign: ModuleType, folder: Path) -> None:
    """Where no list says whether a certificate was revoked, nothing is signed for the long term."""
    key: ReportKey = report_key(Authority(folder), service.adapters.keys.report_key)
    private, chain, _ = key._load()
    now = key.clock.now()
    refused(lambda: sign.sign_pdf(document(), private, chain, at=now, crls=(), stamp=key.stamper))


def pins_are_not_in_uris(module: ModuleType, _: Path) -> None:
    uri = tokens.uri(tokens.LOG, pin="/pin")
    assert module.parse_uri(uri).label == tokens.LOG
    refused(lambda: module.parse_uri(f"{uri}&pin-value=1"))
    refused(lambda: module.parse_uri(f"x{uri}"))


MUTANTS: list[Mutant] = [
    (
        "takes a time-stamp of other data",
        audit.timestamp,
        "if bytes(info.imprint.data) != _IMPRINT + sha256:",
        "if len(info.imprint.data) != len(_IMPRINT + sha256):",
        stamps_are_of_the_data,
    ),
    (
        "does not verify the authority's signature",
        audit.timestamp,
        "        key.verify(signer.signature, asn1.encode_der(signer.attributes), *scheme)\n",
        "        assert key\n        assert scheme\n",
        stamps_are_signed,
    ),
    (
        "does not tie the content to the signed attributes",
        audit.timestamp,
        "_MESSAGE_DIGEST: digest}",
        "}",
        stamps_are_signed,
    ),
    (
        "takes an authority whose certificate had ended",
        audit.timestamp,
        " or not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc",
        "",
        certificates_have_a_purpose,
    ),
    (
        "does not look at a bundle's time-stamp",
        audit.bundle,
        "    if not evidence.stamp and not tsa:\n",
        "    if not tsa:\n",
        bundles_check_the_stamp,
    ),
    (
        "passes over a time-stamp that is not there",
        audit.bundle,
        "    if not evidence.stamp and not tsa:\n",
        "    if not evidence.stamp:\n",
        bundles_check_the_stamp,
    ),
    (
        "hands on whatever the authority answers",
        service.adapters.timestamps,
        "            verify_stamp(data, sha256)\n",
        "            assert verify_stamp\n",
        answers_are_checked,
    ),
    (
        "signs with a key that is not the certificate's",
        service.adapters.keys.report_key,
        "        if not together or len(point) != _POINT_BYTES:\n",
        "        if not together and len(point) != _POINT_BYTES:\n",
        reports_are_p256_of_the_certificate,
    ),
    (
        "claims the long term without revocation lists",
        service.adapters.keys.report_key,
        "if self.chain and self.crls and self.stamper",
        "if self.chain and self.stamper",
        the_level_is_the_signatures,
    ),
    (
        "signs for the long term without the last time-stamp",
        service.reporting.sign,
        "use_pades_lta=bool(stamp)",
        "use_pades_lta=False",
        long_term_signatures_last,
    ),
    (
        "signs without validation information",
        service.reporting.sign,
        "embed_validation_info=bool(stamp), use_pades_lta=bool(stamp)",
        "embed_validation_info=False, use_pades_lta=False",
        long_term_signatures_last,
    ),
    (
        "takes a certificate for good of which nothing is known",
        service.reporting.sign,
        'revocation_mode="hard-fail"',
        'revocation_mode="soft-fail"',
        unknown_is_not_good,
    ),
    (
        "reads a URI from anywhere in the text",
        service.adapters.keys.pkcs11,
        "_URI.fullmatch(uri)",
        "_URI.search(uri)",
        pins_are_not_in_uris,
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant[0] for mutant in MUTANTS])
def test_mutant_is_caught_and_the_real_one_passes(tmp_path: Path, mutant: Mutant) -> None:
    _, module, old, new, check = mutant
    for name in ("real", "broken"):
        (tmp_path / name).mkdir()
    check(module, tmp_path / "real")
    caught = pytest.raises((AssertionError, AuditError, FiduciaryError, pytest.fail.Exception))
    with mutated(module, old, new, tmp_path) as broken, caught:
        check(broken, tmp_path / "broken")
