"""The key that signs reports: ECDSA P-256 with a self-signed certificate, made on first use.

One PEM file holds both, so they can never fall apart; it appears whole and is readable by its owner only. An
institution that has a certificate of an authority puts its own file there.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from service.adapters.keys.files import OTHERS, write_new
from service.errors import StorageError
from service.ports import Clock

FILE: Final = "report.pem"
_YEARS: Final = 5
_NAME: Final = "Fiduciary report signer"


@dataclass(frozen=True, slots=True)
class ReportKey:
    """Signs with the key in a directory. Implements ``service.ports.ReportSigner``."""

    directory: Path
    clock: Clock

    def sign(self, pdf: bytes) -> bytes:
        """A PAdES signature over the file. Raises StorageError."""
        from service.reporting.sign import sign_pdf  # noqa: PLC0415  half a second that only a report needs

        key, certificate = self._load()
        return sign_pdf(pdf, key, certificate, at=self.clock.now())

    def certificate(self) -> bytes:
        """The certificate, PEM."""
        return self._load()[1].public_bytes(Encoding.PEM)

    def _load(self) -> tuple[EllipticCurvePrivateKey, x509.Certificate]:
        path = self.directory / FILE
        try:
            if not path.exists():
                _create(path, self.clock.now())
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & OTHERS:
                    raise StorageError("key file is open to others; make it 0600", file=path.name)
                data = file.read()
            key = load_pem_private_key(data, None)
            certificate = x509.load_pem_x509_certificate(data)
        except OSError as error:
            raise StorageError(
                "key file cannot be used", file=path.name, cause=os.strerror(error.errno or 0)
            ) from None
        except ValueError:
            raise StorageError("key file is damaged", file=path.name) from None
        if not isinstance(key, EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise StorageError("key and certificate do not belong together", file=path.name)
        return key, certificate


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
