"""Sign a PDF: PAdES B-B (ETSI EN 319 142-1) with ECDSA P-256, offline.

The signature covers the whole file as an incremental update, so the unsigned bytes stay a prefix of the signed
ones and can be rendered again and compared.
"""

from __future__ import annotations

import io
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import Certificate
from pyhanko.keys import load_cert_from_pemder, load_private_key_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

FIELD = "Signature"


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
    signer = signers.SimpleSigner(
        signing_cert=_certificate(certificate),
        signing_key=load_private_key_from_pemder_data(
            key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), None
        ),
        cert_registry=SimpleCertificateStore(),
    )
    meta = signers.PdfSignatureMetadata(field_name=FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    session = signers.PdfSigner(meta, signer).init_signing_session(writer, existing_fields_only=False)
    session.system_time = at
    return _finish(session)
