"""A source system that signs with another implementation of RFC 9421 than the service verifies with."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import uuid4

import httpx2 as httpx
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms
from starlette.testclient import TestClient

COVERED: Final = (
    "@method", "@path", "@query", "content-digest",
    "fiduciary-purpose", "fiduciary-schema-version", "idempotency-key",
)  # fmt: skip


@dataclass
class _Message:
    method: str
    url: str
    headers: dict[str, str]


class _Key(HTTPSignatureKeyResolver):
    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def resolve_private_key(self, key_id: str) -> bytes:  # noqa: ARG002
        return self._secret


@dataclass(frozen=True)
class Batch:
    """What is sent, and how it is signed."""

    body: bytes
    source: str = "core-banking"
    secret: str = ""
    url: str = "/v1/datasets/statements/batches?filename=s.csv"
    purpose: str = "regulatory_reporting"
    version: str = "1.0.0"
    key: str = field(default_factory=lambda: str(uuid4()))
    covered: tuple[str, ...] = COVERED
    sent: bytes | None = None  # another body than the one that is signed

    def headers(self, at: datetime) -> dict[str, str]:
        """The header fields of a request signed at an instant."""
        headers = {
            "fiduciary-purpose": self.purpose,
            "fiduciary-schema-version": self.version,
            "idempotency-key": self.key,
        }
        message = _Message("POST", f"http://testserver{self.url}", headers)
        signer = HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=_Key(self.secret))
        signer.sign(
            message,
            key_id=self.source,
            created=at,
            label="push",
            covered_component_ids=[c for c in self.covered if c != "content-digest"],
            body=self.body if "content-digest" in self.covered else None,
        )
        return {name.lower(): value for name, value in headers.items()}

    def send(self, client: TestClient, at: datetime, **headers: str) -> httpx.Response:
        """Send it; named header fields replace those that were signed."""
        fields = self.headers(at) | {k.replace("_", "-"): v for k, v in headers.items()}
        body = self.body if self.sent is None else self.sent
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return client.post(self.url, content=body, headers=fields)

    def but(self, **changes: object) -> Batch:
        """The same with other fields."""
        return replace(self, **changes)  # type: ignore[arg-type]  # names and types are those of the class
