"""Keys in a token: they sign, they do not come out, and the PIN shows nowhere."""

from __future__ import annotations

import shutil
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fakes import tokens
from fakes.audit_logs import entry
from fakes.clock import START
from fakes.tokens import LABEL, LOG, MODULE, PIN, REPORT, uri

from audit.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from audit.errors import FormatError, SignatureError
from audit.log import Log
from audit.logdir import begin_rotation, create_key, create_log, end_rotation, load_keys, open_log
from audit.merkle import EMPTY_ROOT
from audit.note import Signer, SigningKey
from audit.verify_log import verify_log
from service.adapters.keys.pkcs11 import TokenSigner, parse_uri
from service.errors import StorageError, UsageError

ORIGIN = "example.com/log"


@pytest.fixture(scope="module", autouse=True)
def folder() -> Path:
    if shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed; run tools/system_packages.sh")
    return tokens.token_folder()


def test_a_p256_key_signs_as_cryptography_expects() -> None:
    public = load_pem_public_key(tokens.public_pem())
    assert isinstance(public, EllipticCurvePublicKey)
    key = parse_uri(uri(REPORT))
    for data in (b"", b"one", b"two" * 1000):
        public.verify(key.sign(data), data, ECDSA(SHA256()))
    assert EllipticCurvePublicKey.from_encoded_point(public.curve, key.point()) == public


def test_an_ed25519_key_signs_the_log() -> None:
    signer: Signer = TokenSigner(uri(LOG), ORIGIN)
    note = sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), signer)
    assert verify_checkpoint(note, signer.key).size == 0
    for other in (SigningKey(ORIGIN, bytes(32)).key, SigningKey(ORIGIN, bytes(31) + b"1").key):
        with pytest.raises(SignatureError):
            verify_checkpoint(note, other)


@pytest.mark.parametrize("label", [REPORT, LOG])
def test_the_key_cannot_be_read_or_taken_out(label: str) -> None:
    with tokens.opened() as session:
        key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=label)
        assert key[pkcs11.Attribute.SENSITIVE]
        assert not key[pkcs11.Attribute.EXTRACTABLE]
        with pytest.raises(pkcs11.AttributeSensitive):
            key[pkcs11.Attribute.VALUE]
        wrapping = session.generate_key(pkcs11.KeyType.AES, 256)
        with pytest.raises(pkcs11.PKCS11Error):
            wrapping.wrap_key(key)
        for attribute, value in ((pkcs11.Attribute.EXTRACTABLE, True), (pkcs11.Attribute.SENSITIVE, False)):
            with pytest.raises(pkcs11.PKCS11Error):
                key[attribute] = value


def test_a_log_is_signed_in_the_token_from_its_first_checkpoint_on(tmp_path: Path) -> None:
    signer = TokenSigner(uri(LOG), ORIGIN)
    log = create_log(tmp_path / "log", signer)
    log.append(entry(0), entry(1))
    log.publish()
    assert verify_log(tmp_path / "log", vkey=log.vkey).size == 2
    open_log(tmp_path / "log", lambda: [TokenSigner(uri(LOG), ORIGIN)]).append(entry(2))


def test_a_log_moves_from_a_key_file_into_the_token(tmp_path: Path) -> None:
    create_key(tmp_path / "key", ORIGIN)
    log: Log = create_log(tmp_path / "log", load_keys(tmp_path / "key")[0])
    log.append(entry(0))
    log.publish()
    token = TokenSigner(uri(LOG), ORIGIN)
    log = open_log(tmp_path / "log", lambda: [*load_keys(tmp_path / "key"), token])
    vkey = begin_rotation(log, at=START, actor="user:admin")
    end_rotation(log, at=START, actor="user:admin")
    assert vkey == log.vkey
    (tmp_path / "key").unlink()
    log = open_log(tmp_path / "log", token)
    log.append(entry(1))
    log.publish()
    assert verify_log(tmp_path / "log", vkey=vkey).size == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pkcs11:",
        "file:/etc/passwd",
        "token=bank;object=log?module-path=/m&pin-source=/p",
        "pkcs12:token=bank;object=log?module-path=/m&pin-source=/p",
        "pkcs11:token=bank?module-path=/m&pin-source=/p",
        "pkcs11:token=bank;object=log?module-path=/m",
        "pkcs11:token=bank;object=log?module-path=/m&pin-value=271828",
        "pkcs11:token=bank;object=log?module-path=/m&pin-source=/p&pin-value=271828",
        "pkcs11:token=bank;object=log;object=report?module-path=/m&pin-source=/p",
        "pkcs11:token=bank;object=log;serial=1?module-path=/m&pin-source=/p",
        "pkcs11:token=bank;module-path=/m?object=log&pin-source=/p",
        "pkcs11:object=log;token=bank?module-path=/m&pin-source=/p",
        "pkcs11:token=bank;object=log?module-path=/m&pin-source=/p\n",
        " pkcs11:token=bank;object=log?module-path=/m&pin-source=/p",
        "pkcs11:token=;object=log?module-path=/m&pin-source=/p",
        "pkcs11:token=bank;object=log?module-path=/m&pin-source=",
    ],
)
def test_a_uri_with_a_part_missing_doubled_or_unknown_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_uri(text)
    assert PIN not in str(caught.value)


def test_the_parts_of_a_uri_are_percent_decoded() -> None:
    key = parse_uri("pkcs11:token=a%3Bb;object=report%20key?module-path=/lib/x.so&pin-source=file:/p%20q")
    assert (key.token, key.label, key.module, key.pin) == ("a;b", "report key", "/lib/x.so", Path("/p q"))


def test_a_key_of_another_kind_does_not_sign_the_log() -> None:
    with pytest.raises(FormatError, match="verifier key"):
        TokenSigner(uri(REPORT), ORIGIN)


def test_a_token_that_cannot_be_used_is_one_error_without_the_pin(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("161803")
    shared = tmp_path / "shared"
    shared.write_text(PIN)
    shared.chmod(0o644)
    for text in (
        uri("nothing"),
        uri(LOG, token="nobody"),
        uri(LOG, module=str(tmp_path / "none.so")),
        uri(LOG, pin=str(wrong)),
        uri(LOG, pin=str(shared)),
        uri(LOG, pin=str(tmp_path / "missing")),
    ):
        with pytest.raises(StorageError) as caught:
            parse_uri(text).sign(b"data")
        told = "".join(traceback.format_exception(caught.value))
        assert PIN not in told
        assert "161803" not in told
    assert parse_uri(uri(LOG)).sign(b"data"), "the token is not locked"


def test_nothing_shows_the_pin() -> None:
    key = parse_uri(uri(REPORT))
    assert PIN not in repr(key)
    assert PIN not in uri(REPORT)
    assert MODULE in repr(key)
    assert LABEL in repr(key)


def test_two_keys_of_one_token_are_used_by_several_threads() -> None:
    report, log = parse_uri(uri(REPORT)), TokenSigner(uri(LOG), ORIGIN)

    def work(number: int) -> None:
        data = str(number).encode()
        log.key.verify(log.sign(data), data)
        report.sign(data)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(40)))
