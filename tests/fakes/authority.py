"""A certificate authority with revocation lists (certomancer), and time-stamp authorities (``openssl ts``).

Nothing here is a mock: the certificates, lists and time-stamps are real ones of an authority that lives for a
test. The keys of one process are shared, since RSA keys take long to draw.
"""

from __future__ import annotations

import functools
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from certomancer.registry import ArchLabel, CertLabel, CertomancerConfig, ServiceLabel
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ROOT, SIGNER, EDWARDS, TOKEN = "root", "signer", "edwards", "token"
TSA, RSA, OLD, ED_TSA = "tsa", "rsa", "old", "ed-tsa"  # time-stamp authorities
NAMES: Final = (ROOT, SIGNER, EDWARDS, TSA, RSA, OLD, ED_TSA)
_LIFE: Final = {"valid-from": "2020-01-01T00:00:00+0000", "valid-to": "2060-01-01T00:00:00+0000"}
_ENDED: Final = {"valid-from": "2020-01-01T00:00:00+0000", "valid-to": "2021-01-01T00:00:00+0000"}
_TSA_CONFIGURATION: Final = """
[tsa]
default_tsa = it
[it]
serial = {serial}
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1, millisecs:500
clock_precision_digits = 3
ordering = {ordering}
tsa_name = yes
ess_cert_id_alg = sha256
ess_cert_id_chain = {chain}
"""


@functools.cache
def private_key(name: str) -> bytes:
    """PEM of one of the keys."""
    if name == OLD:  # the same key in a certificate that has ended
        return private_key(TSA)
    key: Any = ec.generate_private_key(ec.SECP256R1())
    if name == RSA:
        key = rsa.generate_private_key(65537, 2048)
    if name in {EDWARDS, ED_TSA}:
        key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return bytes(pem)


def _extension(name: str, critical: bool, **value: Any) -> dict[str, Any]:  # noqa: FBT001
    return {"id": name, "critical": critical, **value}


def _usage(*bits: str) -> dict[str, Any]:
    smart = {"schema": "key-usage", "params": list(bits)}
    return _extension("key_usage", critical=True, **{"smart-value": smart})


def _certificate(subject: str, revoked: str) -> dict[str, Any]:
    lists = {"schema": "crl-dist-url", "params": {"crl-repo-names": [ROOT]}}
    extensions = [_extension("crl_distribution_points", critical=False, **{"smart-value": lists})]
    if subject == ROOT:
        extensions = [
            _extension("basic_constraints", critical=True, value={"ca": True}),
            _usage("digital_signature", "key_cert_sign", "crl_sign"),
        ]
    elif subject in {TSA, RSA, OLD, ED_TSA}:
        extensions.append(_usage("digital_signature"))
        extensions.append(_extension("extended_key_usage", critical=True, value=["time_stamping"]))
    else:
        extensions.append(_usage("digital_signature", "non_repudiation"))
    found: dict[str, Any] = {
        "subject": subject, "issuer": ROOT, "extensions": extensions,
        "validity": _ENDED if subject == OLD else _LIFE,
    }  # fmt: skip
    if subject == revoked:
        found["revocation"] = {"revoked-since": "2020-06-01T00:00:00+0000", "reason": "key_compromise"}
    return found


@dataclass(frozen=True)
class Authority:
    """An authority and its files.

    Attributes:
        folder: the files: ``<name>.pem`` certificates, ``<name>.key``, ``crl.der``, ``chain.pem``.
        revoked: name of a certificate that its list revokes.
        names: subjects of its certificates.
        listed_at: instant of its revocation list; now without it.
        keys: public halves, PEM, of keys that are elsewhere.
        stranger: whether its keys are all its own, and not those of the process.
    """

    folder: Path
    revoked: str = ""
    names: tuple[str, ...] = NAMES
    listed_at: datetime | None = None
    keys: dict[str, bytes] = field(default_factory=dict)
    stranger: bool = False

    def __post_init__(self) -> None:
        """Issue everything."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draw = private_key.__wrapped__ if self.stranger else private_key
        for name in self.names:
            (self.folder / f"{name}.key").write_bytes(self.keys.get(name) or draw(name))
        entities = {name: {"common-name": f"Test {name}"} for name in self.names}
        lab = {
            "keyset": "lab",
            "entity-defaults": {"country-name": "CN", "organization-name": "Test Bank"},
            "entities": entities,
            "certs": {name: _certificate(name, self.revoked) for name in self.names},
            "services": {"crl-repo": {ROOT: {
                "for-issuer": ROOT, "signing-key": ROOT, "simulated-update-schedule": "P30D",
            }}},
        }  # fmt: skip
        keys = {
            name: {"path": f"{name}.key", **({"public-only": True} if name in self.keys else {})}
            for name in self.names
        }
        configuration = CertomancerConfig(
            {
                "external-url-prefix": "http://authority.invalid",
                "keysets": {"lab": {"path-prefix": ".", "keys": keys}},
                "pki-architectures": {"lab": lab},
            },
            key_search_dir=str(self.folder),
        )
        arch = configuration.get_pki_arch(ArchLabel("lab"))
        for name in self.names:
            certificate = x509.load_der_x509_certificate(arch.get_cert(CertLabel(name)).dump())
            (self.folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        at = self.listed_at or datetime.now(UTC)
        listed = arch.service_registry.get_crl(ServiceLabel(ROOT), at)
        self.crl.write_bytes(listed.dump())
        self.chain(self.names[1])

    def certificate(self, name: str) -> bytes:
        """PEM of a certificate."""
        return (self.folder / f"{name}.pem").read_bytes()

    def chain(self, signer: str, *rest: str) -> Path:
        """A file of certificates: of the signer, then by default of the root and the time-stamp authority."""
        path = self.folder / "chain.pem"
        path.write_bytes(b"".join(self.certificate(name) for name in (signer, *(rest or (ROOT, TSA)))))
        return path

    @property
    def crl(self) -> Path:
        """The revocation list, DER."""
        return self.folder / "crl.der"

    def key_folder(self, name: str) -> Path:
        """A directory of keys that has this one for reports."""
        folder = self.folder / f"keys-{name}"
        folder.mkdir(exist_ok=True)
        path = folder / "report.pem"
        path.write_bytes((self.folder / f"{name}.key").read_bytes())
        path.chmod(0o600)
        return folder

    def answer(
        self, query: bytes, name: str = TSA, *options: str, chain: bool = False, ordering: bool = False
    ) -> bytes:
        """What ``openssl ts`` answers to a query (RFC 3161), with the certificate of that name."""
        serial, configuration = self.folder / "serial", self.folder / "tsa.cnf"
        if not serial.exists():
            serial.write_text("01\n")
        said = {"chain": "yes" if chain else "no", "ordering": "yes" if ordering else "no"}
        configuration.write_text(_TSA_CONFIGURATION.format(serial=serial, **said))
        (self.folder / "query.tsq").write_bytes(query)
        out = self.folder / "response.tsr"
        files = [str(self.folder / file) for file in ("query.tsq", f"{name}.pem", f"{name}.key")]
        named = [
            item for pair in zip(("-queryfile", "-signer", "-inkey"), files, strict=True) for item in pair
        ]
        command = ["openssl", "ts", "-reply", "-config", str(configuration), *named, "-sha256", *options]
        command += ["-out", str(out)]
        subprocess.run(command, check=True, capture_output=True)
        return out.read_bytes()

    @contextmanager
    def serving(self, status: int = 200, body: bytes | None = None) -> Iterator[tuple[str, list[bytes]]]:
        """The time-stamp authority over HTTP; gives its URL, and the queries that it got.

        Args:
            status: of its answers.
            body: answered instead of a time-stamp.
        """
        queries: list[bytes] = []
        turn = threading.Lock()
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/timestamp-query"
                with turn:
                    queries.append(query)
                    answer = authority.answer(query) if body is None else body
                self.send_response(status)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/tsa", queries
            finally:
                server.shutdown()
