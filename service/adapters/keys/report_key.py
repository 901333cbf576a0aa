"""The key that signs reports: ECDSA P-256, in a file or in a token, self-signed or certified by an authority.

Without settings one PEM file holds the key and a self-signed certificate, made on first use, so they can
never fall apart; it appears whole and is readable by its owner only. With the certificates of an authority,
revocation lists and a time-stamp authority the signature is for the long term.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from service.adapters.keys.files import read_private, write_new
from service.errors import StorageError
from service.ports import Clock

if TYPE_CHECKING:
    from service.adapters.keys.pkcs11 import TokenKey  # an optional extra

FILE: Final = "report.pem"
LONG_TERM: Final = "PAdES-B-LTA"
_YEARS: Final = 5
_NAME: Final = "Fiduciary report signer"
_POINT_BYTES: Final = 65  # of P-256, uncompressed


@dataclass(frozen=True, slots=True)
class ReportKey:
    """Signs and time-stamps reports. Implements ``service.ports.ReportSigner``.

    Attributes:
        directory: holds ``report.pem``: the key, and the certificate where there is no ``chain``.
        clock: for the time of signing.
        chain: PEM file: the signer's certificate, those above it, and those of the time-stamp authority.
        crls: files of revocation lists, DER.
        token: the key, when it is in a device.
        stamper: asks the time-stamp authority; SHA-256 in, response out.
    """

    directory: Path
    clock: Clock
    chain: Path | None = None
    crls: tuple[Path, ...] = ()
    token: TokenKey | None = None
    stamper: Callable[[bytes], bytes] | None = None

    @property
    def level(self) -> str:
        """The PAdES level of what ``sign`` gives."""
        return LONG_TERM if self.chain and self.crls and self.stamper else "PAdES-B-B"

    def sign(self, pdf: bytes) -> bytes:
        """A PAdES signature over the file. Raises StorageError."""
        from service.reporting.sign import sign_pdf  # noqa: PLC0415  half a second that only a report needs

        sign, chain, crls = self._load()
        stamp = self.stamper if self.level == LONG_TERM else None
        return sign_pdf(pdf, sign, chain, at=self.clock.now(), crls=crls, stamp=stamp)

    def stamp(self, data: bytes) -> bytes:
        """A time-stamp over the bytes; nothing without an authority. Raises StorageError."""
        return self.stamper(hashlib.sha256(data).digest()) if self.stamper else b""

    def certificate(self) -> bytes:
        """The certificates, PEM, the signer's first."""
        return b"".join(c.public_bytes(Encoding.PEM) for c in self._load()[1])

    def _load(self) -> tuple[Callable[[bytes], bytes], list[x509.Certificate], list[bytes]]:
        path = self.directory / FILE
        if not (self.token or self.chain or path.exists()):
            _create(path, self.clock.now())
        own = b"" if self.token else read_private(path)
        try:
            chain = x509.load_pem_x509_certificates(self.chain.read_bytes() if self.chain else own)
            lists = [x509.load_der_x509_crl(file.read_bytes()) for file in self.crls]
            sign, point = (self.token.sign, self.token.point()) if self.token else _open_key(own)
            together = point == _point(chain[0].public_key())
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise StorageError("certificates cannot be read", file=str(error.filename), cause=why) from None
        except (ValueError, TypeError):
            raise StorageError(
                "key file, certificates or revocation lists are damaged, or not P-256"
            ) from None
        if not together or len(point) != _POINT_BYTES:
            raise StorageError("key and certificate do not belong together", file=path.name)
        return sign, chain, [item.public_bytes(Encoding.DER) for item in lists]


def _open_key(pem: bytes) -> tuple[Callable[[bytes], bytes], bytes]:
    key: Any = load_pem_private_key(pem, None)
    return (lambda data: bytes(key.sign(data, ECDSA(SHA256())))), _point(key.public_key())


def _point(key: Any) -> bytes:
    """Raises ValueError for a key that is not on a curve."""
    return bytes(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _create(path: Path, at: datetime) -> None:
    """Make key and certificate; another process may be faster, then its file stands."""
    key = generate_private_key(SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem += _self_signed(key, at).public_bytes(Encoding.PEM)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        write_new(path, pem)


def _self_signed(key: EllipticCurvePrivateKey, at: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(minutes=5))
        .not_valid_after(at + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, SHA256())
    )
