"""Time-stamps: what ``openssl ts`` and ``rfc3161-client`` accept is read, everything else is refused."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rfc3161_client
from asn1crypto import cms, core, crl, tsp
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fakes.audit_logs import flips
from fakes.authority import ED_TSA, OLD, ROOT, RSA, SIGNER, TSA, Authority
from hypothesis import given
from hypothesis import strategies as st

from audit import timestamp
from audit.errors import AuditError, FormatError, SignatureError
from audit.timestamp import stamp_query, verify_stamp

DATA = b"fiduciary.example/log\n5\n"
DIGEST = hashlib.sha256(DATA).digest()
SHA512 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.3")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def response(authority: Authority) -> bytes:
    return authority.answer(stamp_query(DIGEST))


def parts(response: bytes) -> Any:
    return asn1.decode_der(timestamp._RESPONSE, response)


def with_attributes(authority: Authority, response: bytes, change: Any) -> bytes:
    """The response with other signed attributes, signed with the authority's own key."""
    found = parts(response)
    (signer,) = found.token.signed.signers.as_list()
    signer.attributes = asn1.SetOf(change(signer.attributes.as_list()))
    key: Any = load_pem_private_key((authority.folder / f"{TSA}.key").read_bytes(), None)
    signer.signature = key.sign(asn1.encode_der(signer.attributes), ECDSA(SHA256()))
    found.token.signed.signers = asn1.SetOf([signer])
    return asn1.encode_der(found)


def test_the_query_is_the_one_that_openssl_writes(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(DATA)
    command = ["openssl", "ts", "-query", "-data", str(tmp_path / "data"), "-sha256", "-cert", "-no_nonce"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == stamp_query(DIGEST)


@pytest.mark.parametrize("name", [TSA, RSA])
def test_a_time_stamp_verifies_here_with_openssl_and_with_another_client(
    authority: Authority, tmp_path: Path, name: str
) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    response = authority.answer(stamp_query(DIGEST), name)
    for certificate in (b"", authority.certificate(name)):
        at = verify_stamp(response, DIGEST, certificate)
        assert before <= at <= datetime.now(UTC)
        assert at.utcoffset() == timedelta()
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "stamp.tsr").write_bytes(response)
    data, stamp, root = tmp_path / "data", tmp_path / "stamp.tsr", authority.folder / f"{ROOT}.pem"
    command = ["openssl", "ts", "-verify", "-data", str(data), "-in", str(stamp), "-CAfile", str(root)]
    assert "Verification: OK" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    trusted = x509.load_pem_x509_certificate(authority.certificate(ROOT))
    verifier = rfc3161_client.VerifierBuilder().add_root_certificate(trusted).build()
    found = rfc3161_client.decode_timestamp_response(response)
    assert verifier.verify_message(found, DATA)
    assert found.tst_info.gen_time.replace(microsecond=0) == at.replace(microsecond=0)


def test_certificates_in_any_order_are_read(authority: Authority) -> None:
    """``openssl ts -chain`` writes them unsorted, as real authorities do."""
    chain = authority.folder / "extra.pem"
    chain.write_bytes(authority.certificate(ROOT) + authority.certificate(TSA) + authority.certificate(RSA))
    response = authority.answer(stamp_query(DIGEST), TSA, "-chain", str(chain), chain=True)
    held = parts(response).token.signed.certificates
    assert len(held) >= 2
    verify_stamp(response, DIGEST, authority.certificate(TSA))


def test_without_certificates_in_it_a_time_stamp_verifies_too(authority: Authority) -> None:
    query = stamp_query(DIGEST)[:-3]
    response = authority.answer(bytes([0x30, len(query) - 2]) + query[2:])
    assert parts(response).token.signed.certificates is None
    verify_stamp(response, DIGEST, authority.certificate(TSA))


def test_a_time_stamp_of_other_bytes_is_refused(authority: Authority, response: bytes) -> None:
    for digest in (hashlib.sha256(b"other").digest(), DIGEST[:-1], b"", DIGEST + b"\0"):
        with pytest.raises(FormatError, match="of other bytes"):
            verify_stamp(response, digest)


@pytest.mark.parametrize("name", [RSA, ED_TSA, SIGNER, ROOT, OLD])
def test_the_certificate_of_anybody_else_is_refused(authority: Authority, response: bytes, name: str) -> None:
    with pytest.raises((FormatError, SignatureError)) as caught:
        verify_stamp(response, DIGEST, authority.certificate(name))
    assert isinstance(caught.value, SignatureError) == (name in {RSA, ED_TSA})


def test_an_authority_of_the_same_name_with_another_key_is_refused(response: bytes, tmp_path: Path) -> None:
    other = Authority(tmp_path, names=(ROOT, SIGNER, TSA), stranger=True)
    with pytest.raises(SignatureError):
        verify_stamp(response, DIGEST, other.certificate(TSA))


@pytest.mark.parametrize(
    "damage", [b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_damaged_certificate_is_refused(response: bytes, damage: bytes) -> None:
    with pytest.raises(FormatError, match="certificate of the authority"):
        verify_stamp(response, DIGEST, damage)


def refused(response: bytes, certificate: bytes, error: type[AuditError] = AuditError) -> None:
    with pytest.raises(error):
        verify_stamp(response, DIGEST, certificate)


def test_every_changed_byte_of_what_is_said_and_signed_is_refused(
    authority: Authority, response: bytes
) -> None:
    signed = parts(response).token.signed
    (signer,) = signed.signers.as_list()
    attributes = asn1.encode_der(signer.attributes)[4:]  # in the response it has another tag
    certificate = authority.certificate(TSA)
    for piece in (signed.content.info, attributes, signer.signature):
        start = response.index(piece)
        for at, changed in flips(response):
            if start <= at < start + len(piece):
                refused(changed, certificate)


def test_no_changed_byte_anywhere_gives_another_time_or_another_error(
    authority: Authority, response: bytes
) -> None:
    at, certificate = verify_stamp(response, DIGEST), authority.certificate(TSA)
    for _, changed in flips(response):
        try:
            assert verify_stamp(changed, DIGEST, certificate) == at
        except AuditError:
            continue


def test_what_is_cut_or_longer_is_refused(authority: Authority, response: bytes) -> None:
    for other in (b"", response[:-1], response + b"\0", response[:40], response * 2):
        refused(other, authority.certificate(TSA), FormatError)


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(data: bytes) -> None:
    with pytest.raises(FormatError):
        verify_stamp(data, DIGEST)


def test_an_answer_that_grants_nothing_is_refused(authority: Authority, response: bytes) -> None:
    rejection = authority.answer(
        stamp_query(DIGEST).replace(bytes([0x30, 0x39, 2, 1, 1]), bytes([0x30, 0x39, 2, 1, 7]))
    )
    refused(rejection, b"", FormatError)
    status = response.index(b"\x30\x03\x02\x01\x00")
    for code, fine in ((0, True), (1, True), (2, False), (5, False)):
        other = response[: status + 4] + bytes([code]) + response[status + 5 :]
        if fine:
            verify_stamp(other, DIGEST, authority.certificate(TSA))
        else:
            refused(other, b"", FormatError)


def test_content_of_another_kind_is_refused(authority: Authority, response: bytes) -> None:
    found = parts(response)
    found.token.signed.content.type = x509.ObjectIdentifier("1.2.840.113549.1.7.1")
    refused(asn1.encode_der(found), b"", FormatError)


@pytest.mark.parametrize("count", [0, 2])
def test_a_token_with_no_signer_or_two_is_refused(authority: Authority, response: bytes, count: int) -> None:
    found = tsp.TimeStampResp.load(response)
    signed = found["time_stamp_token"]["content"]
    signers = list(signed["signer_infos"])
    other = signers[0].copy()
    other["version"] = "v3"
    signed["signer_infos"] = cms.SignerInfos([*signers, other][:count])
    refused(found.dump(force=True), authority.certificate(TSA), FormatError)


def test_the_content_of_another_token_under_a_good_signature_is_refused(
    authority: Authority, response: bytes
) -> None:
    found, other = parts(response), parts(authority.answer(stamp_query(hashlib.sha256(b"other").digest())))
    other.token.signed.content.info = found.token.signed.content.info
    refused(asn1.encode_der(other), authority.certificate(TSA), SignatureError)


def test_the_attributes_must_hold_type_and_digest_of_the_content(
    authority: Authority, response: bytes
) -> None:
    certificate = authority.certificate(TSA)
    same = with_attributes(authority, response, lambda attributes: attributes)
    assert verify_stamp(same, DIGEST, certificate) == verify_stamp(response, DIGEST)
    for kind in (timestamp._CONTENT_TYPE, timestamp._MESSAGE_DIGEST):
        less = with_attributes(
            authority, response, lambda attributes, kind=kind: [a for a in attributes if a.type != kind]
        )
        refused(less, certificate, SignatureError)


def test_the_digest_is_taken_by_the_named_function(authority: Authority, response: bytes) -> None:
    found = parts(response)
    (signer,) = found.token.signed.signers.as_list()
    signer.digest.oid = SHA512
    found.token.signed.signers = asn1.SetOf([signer])
    refused(asn1.encode_der(found), authority.certificate(TSA), SignatureError)
    response = authority.answer(stamp_query(DIGEST), TSA, "-sha512")
    assert parts(response).token.signed.signers.as_list()[0].digest.oid == SHA512
    verify_stamp(response, DIGEST, authority.certificate(TSA))


def test_every_optional_part_of_the_formats_is_read(authority: Authority) -> None:
    verify_stamp(authority.answer(stamp_query(DIGEST), ordering=True), DIGEST, authority.certificate(TSA))
    found = tsp.TimeStampResp.load(authority.answer(stamp_query(DIGEST)))
    signed = found["time_stamp_token"]["content"]
    listed = crl.CertificateList.load(authority.crl.read_bytes())
    signed["crls"] = cms.RevocationInfoChoices([cms.RevocationInfoChoice("crl", listed)])
    (signer,) = signed["signer_infos"]
    kind = cms.CMSAttribute({"type": "content_type", "values": ["data"]})
    signer["unsigned_attrs"] = cms.CMSAttributes([kind])
    verify_stamp(found.dump(force=True), DIGEST, authority.certificate(TSA))
    info = signed["encap_content_info"]["content"].parsed
    info["extensions"] = [{"extn_id": "1.2.3.4", "extn_value": core.OctetString(b"\x05\x00")}]
    signed["encap_content_info"]["content"] = core.ParsableOctetString(info.dump(force=True))
    verify_stamp(found.dump(force=True), DIGEST)


def test_a_status_of_more_than_three_parts_is_refused(response: bytes) -> None:
    found = parts(response)
    (status,) = found.status
    found.status = [status] * 3
    verify_stamp(asn1.encode_der(found), DIGEST)
    start = asn1.encode_der(found).index(bytes([0x30, 9, 2, 1, 0]))
    longer = bytearray(asn1.encode_der(found))
    longer[start : start + 2] = bytes([0x30, 12, 2, 1, 0])
    total = int.from_bytes(longer[2:4]) + 3
    longer[2:4] = total.to_bytes(2)
    refused(bytes(longer), b"", FormatError)


def test_a_certificate_holds_from_its_first_to_its_last_second(authority: Authority) -> None:
    held = authority.certificate(TSA)
    certificate = x509.load_pem_x509_certificate(held)
    for at, away in ((certificate.not_valid_before_utc, -1), (certificate.not_valid_after_utc, 1)):
        timestamp._key_at(held, at)
        with pytest.raises(FormatError, match=r"^time-stamp: not what the certificate"):
            timestamp._key_at(held, at + timedelta(seconds=away))
