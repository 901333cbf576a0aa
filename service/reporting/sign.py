"""Sign a PDF with ECDSA P-256: PAdES B-B or B-LTA (ETSI EN 319 142-1).

B-B is made offline. B-LTA adds a time-stamp over the signature, the certificates and revocation lists that
show both to be good, and a time-stamp over all of that: it is checked without a network, long afterwards.

Each step is an incremental update, so the unsigned bytes stay a prefix of the signed ones and can be rendered
again and compared.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from asn1crypto import crl, tsp, x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError
from pyhanko_certvalidator.registry import SimpleCertificateStore

from service.errors import StorageError

logging.getLogger("pyhanko.sign").setLevel(logging.ERROR)  # else it advises to fetch what is given here
FIELD: Final = "Signature"
_LONGEST: Final = 72  # bytes of a P-256 signature as DER


class _SignerAt(signers.PdfSigner):
    """Takes the signing time from the caller instead of the computer's clock."""

    def __init__(self, meta: Any, signer: Any, at: datetime, stamper: TimeStamper | None) -> None:
        super().__init__(meta, signer, timestamper=stamper)
        self._at = at

    def init_signing_session(self, *args: Any, **kwargs: Any) -> Any:
        session = super().init_signing_session(*args, **kwargs)
        session.system_time = self._at
        return session


class _Signer(signers.Signer):
    """Leaves the private key where it is, in this process or in a device."""

    def __init__(self, sign: Callable[[bytes], bytes], certificate: x509.Certificate, store: Any) -> None:
        super().__init__(signing_cert=certificate, cert_registry=store)
        self._sign = sign

    async def async_sign_raw(self, data: bytes, _digest: str, dry_run: bool = False) -> bytes:  # noqa: FBT001,FBT002
        return bytes(_LONGEST) if dry_run else self._sign(data)


class _Stamper(TimeStamper):
    """Asks the authority through the caller's function."""

    def __init__(self, stamp: Callable[[bytes], bytes]) -> None:
        super().__init__(include_nonce=False)  # type: ignore[no-untyped-call] # pyHanko has types in part
        self._stamp = stamp

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        return tsp.TimeStampResp.load(self._stamp(req["message_imprint"]["hashed_message"].native))


def sign_pdf(
    pdf: bytes,
    sign: Callable[[bytes], bytes],
    chain: Sequence[Certificate],
    *,
    at: datetime,
    crls: Sequence[bytes] = (),
    stamp: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """Sign.

    Args:
        pdf: unsigned file.
        sign: ECDSA over SHA-256 of its argument, DER.
        chain: the signer's certificate, then those above it; for B-LTA up to a root, and the authority's too.
        at: signing time claimed, UTC.
        crls: DER of the revocation lists of all certificates but the roots.
        stamp: asks a time-stamp authority, SHA-256 in, DER of the response out; B-LTA with it, B-B without.

    Returns:
        The unsigned bytes followed by the signature's updates.

    Raises:
        StorageError: a certificate is not good at ``at`` by these lists, or they say nothing about it.
    """
    certificates = [x509.Certificate.load(c.public_bytes(Encoding.DER)) for c in chain]
    store = SimpleCertificateStore.from_certs(certificates)  # type: ignore[no-untyped-call] # as above
    context = ValidationContext(
        trust_roots=[c for c in certificates if c.self_issued], other_certs=certificates, moment=at,
        crls=[crl.CertificateList.load(data) for data in crls], revocation_mode="hard-fail",
    )  # fmt: skip
    meta = signers.PdfSignatureMetadata(
        field_name=FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES,
        embed_validation_info=bool(stamp), use_pades_lta=bool(stamp),
        validation_context=context if stamp else None,
    )  # fmt: skip
    signer = _SignerAt(meta, _Signer(sign, certificates[0], store), at, _Stamper(stamp) if stamp else None)
    try:
        signed: io.BytesIO = signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)))
    except (SigningError, PathError, ValidationError) as error:
        why = str(error)
        raise StorageError("the certificates do not hold for a long-term signature", why=why) from error
    return signed.getvalue()
