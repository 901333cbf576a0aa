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
from typing import Annotated, Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.x509 import ObjectIdentifier as Oid

from audit.canonical import read_exact
from audit.errors import FormatError, SignatureError

_WHAT: Final = "time-stamp"
_GRANTED: Final = (b"\x00", b"\x01")  # as asked, or with changes
_TST_INFO: Final = Oid("1.2.840.113549.1.9.16.1.4")
_CONTENT_TYPE, _MESSAGE_DIGEST = Oid("1.2.840.113549.1.9.3"), Oid("1.2.840.113549.1.9.4")
_TIME_STAMPING: Final = x509.oid.ExtendedKeyUsageOID.TIME_STAMPING
_HASHES: Final = {
    Oid(f"2.16.840.1.101.3.4.2.{n}"): f for n, f in enumerate((SHA256(), SHA384(), SHA512()), 1)
}
_IMPRINT: Final = bytes.fromhex("300d060960864801650304020105000420")  # SHA-256, then 32 bytes
_SET_OF: Final[Any] = asn1.SetOf


def _sequence(**fields: object) -> Any:
    """An ASN.1 SEQUENCE; the fields stand here as in the RFC."""
    return asn1.sequence(type("Sequence", (), {"__annotations__": fields}))


def _tagged(tag: int, kind: Any = list[asn1.TLV] | None) -> object:
    return Annotated[kind, asn1.Implicit(tag)]


# RFC 3161, 2.4.2: TSTInfo. RFC 5652, 5: Attribute, SignerInfo, SignedData. RFC 3161, 2.4.2: TimeStampResp.
# Authorities do not always sort the set of certificates as DER demands, so it is read as a list.
_INFO: Final = _sequence(
    version=int, policy=Oid, imprint=asn1.TLV, serial=int, at=asn1.GeneralizedTime,
    accuracy=list[asn1.TLV] | None, ordering=Annotated[bool, asn1.Default(value=False)],
    nonce=int | None, authority=_tagged(0), extensions=_tagged(1),
)  # fmt: skip
_ALGORITHM: Final = _sequence(oid=Oid, parameters=asn1.Null | None)
_ATTRIBUTE: Final = _sequence(type=Oid, values=asn1.SetOf[asn1.TLV])
_SIGNER: Final = _sequence(
    version=int, sid=asn1.TLV, digest=_ALGORITHM, attributes=_tagged(0, _SET_OF[_ATTRIBUTE]),
    algorithm=asn1.TLV, signature=bytes, unsigned=_tagged(1),
)  # fmt: skip
_SIGNED: Final = _sequence(
    version=int, algorithms=asn1.SetOf[asn1.TLV],
    content=_sequence(type=Oid, info=Annotated[bytes, asn1.Explicit(0)]),
    certificates=_tagged(0), crls=_tagged(1), signers=Annotated[_SET_OF[_SIGNER], asn1.Size(1, 1)],
)  # fmt: skip
_TOKEN: Final = _sequence(type=Oid, signed=Annotated[_SIGNED, asn1.Explicit(0)])
_RESPONSE: Final = _sequence(status=Annotated[list[asn1.TLV], asn1.Size(1, 3)], token=_TOKEN)


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
    found = _read(_RESPONSE, response)
    signed = found.token.signed
    info = _read(_INFO, signed.content.info)
    if bytes(found.status[0].data) not in _GRANTED or signed.content.type != _TST_INFO:
        raise FormatError(_WHAT, "not granted")
    if bytes(info.imprint.data) != _IMPRINT + sha256:
        raise FormatError(_WHAT, "of other bytes")
    at: datetime = info.at.as_datetime()
    if authority and not _is_signed(signed, _key_at(authority, at)):
        raise SignatureError("the time-stamp authority")
    return at


def _read(kind: Any, data: bytes) -> Any:
    return read_exact(data, _WHAT, lambda der: asn1.decode_der(kind, der), asn1.encode_der)


def _key_at(authority: bytes, at: datetime) -> Any:
    """The key of a certificate that is for time-stamps alone and was valid at that time."""
    try:
        certificate = x509.load_pem_x509_certificate(authority)
        (use,) = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, x509.ExtensionNotFound) as error:
        raise FormatError(_WHAT, "certificate of the authority") from error
    if use != _TIME_STAMPING or not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise FormatError(_WHAT, "not what the certificate of the authority is for")
    return certificate.public_key()


def _is_signed(signed: Any, key: Any) -> bool:
    """Whether the key signed attributes that hold type and digest of the content (RFC 5652, 5.4)."""
    (signer,) = signed.signers.as_list()
    algorithm = _HASHES.get(signer.digest.oid, SHA256())
    digest = hashlib.new(algorithm.name, signed.content.info).digest()
    scheme = (PKCS1v15(), algorithm) if isinstance(key, RSAPublicKey) else (ECDSA(algorithm),)
    try:
        key.verify(signer.signature, asn1.encode_der(signer.attributes), *scheme)
    except (InvalidSignature, TypeError):  # or a key of another kind
        return False
    found = {item.type: asn1.encode_der(item.values) for item in signer.attributes.as_list()}
    expected = {_CONTENT_TYPE: _TST_INFO, _MESSAGE_DIGEST: digest}
    return all(found.get(kind) == asn1.encode_der(asn1.SetOf([value])) for kind, value in expected.items())
