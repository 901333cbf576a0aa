"""Time-stamps (RFC 3161): that a third party saw the digest of some bytes no later than a time.

A ``.tsr`` file is the answer of a time-stamp authority, as ``openssl ts -verify`` reads it. Checked here:

* always: it grants one token, spelt as DER demands, over exactly this SHA-256;
* with the certificate of the authority: the certificate is for time-stamping and was valid at the time in the
  token, and its key (ECDSA, or RSA with PKCS #1 v1.5) signed the token.

Not checked: the path from that certificate to a root, and its revocation; the verifier names the very
certificate. Without one anybody could have made the token, and the time in it is no more than a claim.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.x509 import ObjectIdentifier as Oid
from cryptography.x509.oid import ExtendedKeyUsageOID

from audit.canonical import read_exact
from audit.errors import FormatError, SignatureError

T = TypeVar("T")
_WHAT: Final = "time-stamp"
_GRANTED: Final = (b"\x00", b"\x01")  # as asked, or with changes
_TST_INFO: Final = Oid("1.2.840.113549.1.9.16.1.4")
_CONTENT_TYPE, _MESSAGE_DIGEST = Oid("1.2.840.113549.1.9.3"), Oid("1.2.840.113549.1.9.4")
_HASHES: Final = {
    Oid(f"2.16.840.1.101.3.4.2.{n}"): hash_ for n, hash_ in enumerate((SHA256(), SHA384(), SHA512()), 1)
}
_IMPRINT: Final = bytes.fromhex("300d060960864801650304020105000420")  # SHA-256, then 32 bytes


@asn1.sequence
class _Info:  # RFC 3161, 2.4.2: TSTInfo
    version: int
    policy: Oid
    imprint: asn1.TLV
    serial: int
    at: asn1.GeneralizedTime
    accuracy: list[asn1.TLV] | None
    ordering: Annotated[bool, asn1.Default(value=False)]
    nonce: int | None
    authority: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    extensions: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]


@asn1.sequence
class _Attribute:
    type: Oid
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class _Algorithm:
    oid: Oid
    parameters: asn1.Null | None


@asn1.sequence
class _Signer:  # RFC 5652, 5.3: SignerInfo
    version: int
    sid: asn1.TLV
    digest: _Algorithm
    attributes: Annotated[asn1.SetOf[_Attribute], asn1.Implicit(0)]
    algorithm: asn1.TLV
    signature: bytes
    unsigned: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]


@asn1.sequence
class _Content:
    type: Oid
    info: Annotated[bytes, asn1.Explicit(0)]


@asn1.sequence
class _Signed:  # RFC 5652, 5.1: SignedData; authorities do not always sort the set of certificates
    version: int
    algorithms: asn1.SetOf[asn1.TLV]
    content: _Content
    certificates: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    crls: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]
    signers: Annotated[asn1.SetOf[_Signer], asn1.Size(min=1, max=1)]


@asn1.sequence
class _Token:
    type: Oid
    signed: Annotated[_Signed, asn1.Explicit(0)]


@asn1.sequence
class _Response:  # RFC 3161, 2.4.2: TimeStampResp
    status: Annotated[list[asn1.TLV], asn1.Size(min=1, max=3)]
    token: _Token


def stamp_query(sha256: bytes) -> bytes:
    """What to ask an authority for: a time-stamp over this SHA-256, with its certificate (TimeStampReq)."""
    return bytes.fromhex("30390201013031") + _IMPRINT + sha256 + bytes.fromhex("0101ff")


def verify_stamp(response: bytes, sha256: bytes, authority: bytes = b"") -> datetime:
    """Check a time-stamp over the bytes that have this SHA-256; returns its time, UTC.

    Args:
        response: DER of a TimeStampResp.
        sha256: 32 bytes.
        authority: certificate (PEM) of the authority that the caller trusts; without it the time is a claim.

    Raises:
        FormatError: not a granted time-stamp, of other bytes, or not of what the certificate is for.
        SignatureError: the authority did not sign it.
    """
    found = _read(_Response, response)
    signed = found.token.signed
    info = _read(_Info, signed.content.info)
    if bytes(found.status[0].data) not in _GRANTED or signed.content.type != _TST_INFO:
        raise FormatError(_WHAT, "not granted")
    if bytes(info.imprint.data) != _IMPRINT + sha256:
        raise FormatError(_WHAT, "of other bytes")
    at = info.at.as_datetime()
    if authority:
        key = _key_at(authority, at)
        if not _is_signed(signed, key):
            raise SignatureError("the time-stamp authority")
    return at


def _key_at(authority: bytes, at: datetime) -> object:
    """The key of a certificate that was good for time-stamps at that time."""
    try:
        certificate = x509.load_pem_x509_certificate(authority)
        values = [extension.value for extension in certificate.extensions]
    except ValueError as error:
        raise FormatError(_WHAT, "certificate of the authority") from error
    uses = [use for value in values if isinstance(value, x509.ExtendedKeyUsage) for use in value]
    valid = certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
    if uses != [ExtendedKeyUsageOID.TIME_STAMPING] or not valid:
        raise FormatError(_WHAT, "not what the certificate of the authority is for")
    return certificate.public_key()


def _read(kind: type[T], data: bytes) -> T:
    value: T = read_exact(data, _WHAT, lambda der: asn1.decode_der(kind, der), asn1.encode_der)
    return value


def _is_signed(signed: _Signed, key: Any) -> bool:
    """Whether the key signed attributes that hold type and digest of the content (RFC 5652, 5.4)."""
    (signer,) = signed.signers.as_list()
    algorithm = _HASHES.get(signer.digest.oid, SHA256())
    digest = hashlib.new(algorithm.name, signed.content.info).digest()
    found = {item.type: asn1.encode_der(item.values) for item in signer.attributes.as_list()}
    rsa = isinstance(key, RSAPublicKey)
    scheme = (PKCS1v15(), algorithm) if rsa else (ECDSA(algorithm),)
    try:
        key.verify(signer.signature, asn1.encode_der(signer.attributes), *scheme)
    except (InvalidSignature, TypeError):  # or a key of another kind
        return False
    expected = {_CONTENT_TYPE: _TST_INFO, _MESSAGE_DIGEST: digest}
    return all(found.get(kind) == asn1.encode_der(asn1.SetOf([value])) for kind, value in expected.items())
