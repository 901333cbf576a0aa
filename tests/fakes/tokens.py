"""A PKCS #11 token in software (SoftHSM), one for the process: the library reads its settings once."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pkcs11
from asn1crypto.core import OctetString
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11.util.ec import encode_named_curve_parameters

MODULE: Final = "/usr/lib/softhsm/libsofthsm2.so"
LABEL: Final = "bank"
PIN: Final = "271828"
REPORT, LOG = "report", "log"
_ED25519: Final = bytes.fromhex("130c656477617264733235353139")  # PrintableString "edwards25519"


@functools.cache
def token_folder() -> Path:
    """Set the token up with a P-256 and an Ed25519 key; its folder has the ``pin`` file."""
    folder = Path(tempfile.mkdtemp(prefix="token-"))
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(
        f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n"
    )
    (folder / "pin").touch(mode=0o600)
    (folder / "pin").write_text(f"{PIN}\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")  # children use the same token
    command = [
        "softhsm2-util",
        "--init-token",
        "--free",
        "--label",
        LABEL,
        "--so-pin",
        "31415926",
        "--pin",
        PIN,
    ]
    subprocess.run(command, check=True, capture_output=True)
    with opened() as session:
        _draw(session, pkcs11.KeyType.EC, encode_named_curve_parameters("secp256r1"), REPORT)
        _draw(session, pkcs11.KeyType.EC_EDWARDS, _ED25519, LOG)
    return folder


def _draw(session: Any, kind: pkcs11.KeyType, parameters: bytes, label: str) -> None:
    domain = session.create_domain_parameters(kind, {pkcs11.Attribute.EC_PARAMS: parameters}, local=True)
    edwards = kind is pkcs11.KeyType.EC_EDWARDS
    mechanism = pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN if edwards else pkcs11.Mechanism.EC_KEY_PAIR_GEN
    domain.generate_keypair(label=label, store=True, mechanism=mechanism)


@contextmanager
def opened() -> Iterator[Any]:
    """A session of somebody who knows the PIN."""
    with pkcs11.lib(MODULE).get_token(token_label=LABEL).open(rw=True, user_pin=PIN) as session:
        yield session


def uri(label: str, *, module: str = MODULE, token: str = LABEL, pin: str = "") -> str:
    """The RFC 7512 URI of a key in the token."""
    place = pin or f"file:{token_folder() / 'pin'}"
    return f"pkcs11:token={token};object={label}?module-path={module}&pin-source={place}"


def public_pem() -> bytes:
    """The public half of the P-256 key, PEM, for a certificate."""
    token_folder()
    with opened() as session:
        key = session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, label=REPORT)
        point = OctetString.load(key[pkcs11.Attribute.EC_POINT]).native
    public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
