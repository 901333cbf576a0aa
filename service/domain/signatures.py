"""HTTP message signatures (RFC 9421): the narrow part that a push needs, read strictly.

One signature, ``hmac-sha256``, with ``created`` and ``keyid``; components are ``@method``, ``@path``,
``@query``, ``@authority`` and plain header fields, without parameters. Anything else is refused, never
skipped: two readers must not understand one message differently. The signature parameters enter the
signature base as they were sent, so a sender may write them in any order.

>>> SignedRequest("GET", "/", "?", {"host": "a.example"}).component("@authority")
'a.example'
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_PARAMETER: Final = r';(?:created=[0-9]{1,12}|(?:keyid|alg|nonce|tag)="[A-Za-z0-9._:/+=-]{1,100}")'
_NAMES: Final = r'"@?[a-z0-9-]{1,50}"(?: "@?[a-z0-9-]{1,50}"){0,19}'
_INPUT: Final = re.compile(rf"([a-z][a-z0-9_-]{{0,30}})=(\({_NAMES}\)(?:{_PARAMETER}){{1,5}})")
_SIGNATURE: Final = re.compile(r"([a-z][a-z0-9_-]{0,30})=:([A-Za-z0-9+/]{43}=):")
_DIGEST: Final = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")  # RFC 9530


class SignatureFormError(ValueError):
    """The signature fields are not what this module reads; the text is a short code."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What is known of a request before its body.

    Attributes:
        method: as sent.
        path: raw, percent-encoded.
        query: raw, with its ``?``; just ``?`` when there is none.
        headers: by lower-case name; several lines of one name joined by a comma and a space.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    def component(self, name: str) -> str:
        """The value of a component (RFC 9421 section 2). Raises SignatureFormError when there is none."""
        derived = {"@method": self.method, "@path": self.path, "@query": self.query}
        if name == "@authority":
            derived[name] = self.headers.get("host", "").lower()
        value = derived.get(name) if name.startswith("@") else self.headers.get(name)
        if value is None or not value.isascii() or not value.replace("\t", " ").isprintable():
            raise SignatureFormError("component")
        return value.strip(" \t")


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as it was sent, not yet verified.

    Attributes:
        base: the bytes that are signed.
        components: names of what is covered.
        parameters: such as ``created`` and ``keyid``, as text.
        value: 32 bytes.
    """

    base: bytes
    components: frozenset[str]
    parameters: Mapping[str, str]
    value: bytes

    def is_by(self, secret: bytes) -> bool:
        """Whether the holder of the secret made it; compared in constant time."""
        return hmac.compare_digest(self.value, hmac.digest(secret, self.base, hashlib.sha256))


def read_signature(request: SignedRequest) -> Signature:
    """The one signature of a request. Raises SignatureFormError."""
    given = _INPUT.fullmatch(request.headers.get("signature-input", ""))
    signed = _SIGNATURE.fullmatch(request.headers.get("signature", ""))
    if given is None or signed is None or given[1] != signed[1]:
        raise SignatureFormError("form")
    covered, _, tail = given[2].partition(")")
    names = re.findall(r'"([^"]+)"', covered)
    pairs = re.findall(r';([a-z]+)="?([^";]+)', tail)
    parameters = dict(pairs)
    if len(set(names)) < len(names) or len(parameters) < len(pairs):
        raise SignatureFormError("repeated")
    if parameters.get("alg", "hmac-sha256") != "hmac-sha256" or not {"created", "keyid"} <= parameters.keys():
        raise SignatureFormError("parameters")
    lines = [f'"{name}": {request.component(name)}' for name in names]
    base = "\n".join([*lines, f'"@signature-params": {given[2]}']).encode()
    return Signature(base, frozenset(names), parameters, base64.b64decode(signed[2]))


def read_digest(field: str) -> bytes:
    """The SHA-256 of a body as ``Content-Digest`` says it (RFC 9530). Raises SignatureFormError."""
    match = _DIGEST.fullmatch(field)
    if match is None:
        raise SignatureFormError("digest")
    return base64.b64decode(match[1])
