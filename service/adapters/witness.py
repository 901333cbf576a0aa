"""Witnesses over HTTP (C2SP tlog-witness): the client that a log asks, and a small server for the other side.

The server takes no more than 64 KiB and waits 10 s for it. Its folder holds ``key``, ``policy`` (the logs it
knows, as ``log`` lines) and ``heads.sqlite`` (what it has seen). The client leaves a witness that fails alone
for 30 s, so that a log does not wait for it at each publication.
"""

from __future__ import annotations

import http.client
import sqlite3
import time
import urllib.request
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from audit.cosign import CONFLICT
from audit.errors import AuditError
from audit.logdir import create_key, load_key
from audit.note import COSIGNATURE, VerifierKey, format_vkey, parse_vkey
from audit.policy import NONE, Party, Policy, format_policy, parse_policy
from audit.witness import Witness, create_heads
from service.errors import UsageError

_MAX_BYTES: Final = 1 << 16
_PATIENCE: Final = 10.0  # seconds that the server waits for a request
_TIMEOUT: Final = 2.0  # seconds that a log waits for each part of an answer
_PAUSE: Final = 30.0


class _AsIs(urllib.request.HTTPErrorProcessor):
    """Hands on every answer as it is: a refusal is an answer, and nobody is followed to another place."""

    def http_response(self, request: Any, response: Any) -> Any:  # noqa: ARG002  the name is urllib's
        return response

    https_response = http_response


_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}), _AsIs)


class HttpWitness:
    """A witness somewhere else: an ``audit.cosign.Cosigner``."""

    def __init__(self, key: VerifierKey, url: str) -> None:
        self.key, self._url, self._rest = key, f"{url.rstrip('/')}/add-checkpoint", 0.0

    def add_checkpoint(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError when there is none."""
        if time.monotonic() < self._rest:
            raise TimeoutError
        try:
            with _OPENER.open(self._url, request, _TIMEOUT) as answer:
                return answer.status, answer.read(_MAX_BYTES)
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: no URL after all
            self._rest = time.monotonic() + _PAUSE
            raise ConnectionError from error


def load_witnesses(path: Path | None) -> tuple[HttpWitness, ...]:
    """The witnesses of a policy file that have a URL. Raises UsageError."""
    try:
        policy = parse_policy(path.read_bytes()) if path else Policy()
    except (OSError, AuditError) as error:
        raise UsageError("the trust policy cannot be used", why=str(error)) from None
    return tuple(HttpWitness(key, url) for key, _, url in policy.witnesses if url.startswith("http"))


def create_witness(folder: Path, name: str, logs: Sequence[str]) -> str:
    """Make a witness for the logs of these verifier keys; returns its own. Raises UsageError."""
    try:
        policy = Policy(tuple(Party(parse_vkey(vkey)) for vkey in logs), quorum=NONE)
        key = create_key(folder / "key", name, COSIGNATURE)
        (folder / "policy").write_bytes(format_policy(policy))
        create_heads(folder / "heads.sqlite")
    except (AuditError, OSError) as error:
        raise UsageError("the witness cannot be made", why=str(error)) from None
    return format_vkey(key.key)


def open_witness(folder: Path, listen: str) -> ThreadingHTTPServer:
    """A server, bound to ``address:port`` and not yet serving. Raises UsageError."""
    try:
        host, port = listen.rsplit(":", 1)
        logs = [party.key for party in parse_policy((folder / "policy").read_bytes()).logs]
        witness = Witness(load_key(folder / "key"), logs, folder / "heads.sqlite")
        return ThreadingHTTPServer((host, int(port)), _handler(witness))
    except (AuditError, OSError, OverflowError, ValueError, sqlite3.Error) as error:
        raise UsageError("the witness cannot be served", why=str(error)) from None


def _handler(witness: Witness) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _PATIENCE

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            fits = length.isdecimal() and int(length) <= _MAX_BYTES
            if fits and self.path == "/add-checkpoint":
                self._answer(*witness.add_checkpoint(self.rfile.read(int(length))))
            else:
                self.close_connection = True  # the body is not read
                self._answer(404 if fits else 413, b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/x.tlog.size" if status == CONFLICT else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
