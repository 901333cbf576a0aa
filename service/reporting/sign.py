"""Sign a PDF: PAdES B-B (ETSI EN 319 142-1) with ECDSA P-256, offline.

The signature is an incremental update, so the unsigned bytes stay a prefix of the signed ones and can be
rendered again and compared.
"""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any, Final

from asn1crypto import keys, x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import Certificate
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

FIELD: Final = "Signature"


class _SignerAt(signers.PdfSigner):
    """Takes the signing time from the caller instead of the computer's clock."""

    def __init__(self, meta: Any, signer: Any, at: datetime) -> None:
        super().__init__(meta, signer)
        self._at = at

    def init_signing_session(self, *args: Any, **kwargs: Any) -> Any:
        session = super().init_signing_session(*args, **kwargs)
        session.system_time = self._at
        return session


def sign_pdf(pdf: bytes, key: EllipticCurvePrivateKey, certificate: Certificate, *, at: datetime) -> bytes:
    """Sign.

    Args:
        pdf: unsigned file.
        key: P-256 key.
        certificate: of the key; its common name becomes the signer's name.
        at: signing time claimed, UTC.

    Returns:
        The unsigned bytes followed by the signature's update.
    """
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call] # pyHanko has types only in part
    signer = signers.SimpleSigner(
        signing_cert=x509.Certificate.load(certificate.public_bytes(Encoding.DER)),
        signing_key=keys.PrivateKeyInfo.load(private),
        cert_registry=store,
    )
    meta = signers.PdfSignatureMetadata(
        field_name=FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
    )
    signed: io.BytesIO = _SignerAt(meta, signer, at).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)))
    return signed.getvalue()
