"""Signed push: source systems are registered, and their batches verified before anything is taken in.

A request is refused, and the refusal logged, unless all of this holds, in this order: the signature is by
the secret of a registered source, over everything that says what is asked, and fresh; the body is the one
that was signed; the source may send to the dataset for the purpose; its idempotency key is new or stands for
the same request; the schema version is the one in force.

A request that was answered gets the first answer again when it is signed anew; the same bytes a second time
are a replay and are refused.

A sender that is refused too often (``service.domain.refusals``) is told to wait, without a log entry; the
next entry says how many it stands for (``unlogged``). A sender is a source once that is proven, else an
address, which is never logged. Many may share one, so the signature is still looked at: what is accepted is
never limited.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NoReturn

from audit.entry import Detail
from service.domain.actors import Actor
from service.domain.contracts import DatasetContract
from service.domain.signatures import SignatureFormError, SignedRequest, read_digest, read_signature
from service.domain.sources import PushRecord, SourceSystem, secret_of
from service.errors import (
    ConflictError,
    DeniedError,
    FiduciaryError,
    TooManyError,
    UnauthenticatedError,
    UnknownError,
    UsageError,
)
from service.ports import BatchRow, Chunk, Deps
from service.usecases.access import Act, authorise
from service.usecases.ingest import allowed, take_in

ROLE: Final = "source_system"
MAX_SKEW: Final = 300  # seconds
COVERED: Final = frozenset(
    {
        "@method", "@path", "@query", "content-digest",
        "fiduciary-purpose", "fiduciary-schema-version", "idempotency-key",
    }
)  # fmt: skip
_KEY: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # a UUID holds nobody's number
_VERSION: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6}){2}")
_KINDS: Final = {kind.code: kind for kind in (ConflictError, DeniedError, UsageError)}
_WORDS: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
#: Why a request is refused, beside its signature: the error and what it says.
REFUSALS: Final[dict[str, tuple[type[FiduciaryError], str]]] = {
    why: (_KINDS[code], text) for code, texts in _WORDS.items() for why, text in texts.items()
}
_UNPROVEN: Final = (
    UnauthenticatedError, "the signature is not accepted: see why, correct it and sign the request again",
)  # fmt: skip
_LONGEST: Final = 256  # of a text in a log entry
_UNKNOWN: Final = SourceSystem("unknown", frozenset(), frozenset())
_NOBODY: Final = Actor("svc:_unknown", frozenset())  # no name of a source starts so


@dataclass(frozen=True, slots=True)
class Push:
    """A verified request whose body is still to come."""

    source: SourceSystem
    body: bytes
    created: int
    key: str
    version: str
    purpose: str

    @property
    def actor(self) -> Actor:
        """The source as it acts."""
        return Actor(f"svc:{self.source.name}", frozenset({ROLE}))


@dataclass(frozen=True, slots=True)
class _Pushed:
    """``service.ports.Source``: the file that was sent, with what its sender said of it."""

    digest: str
    facts: Detail
    chunks: Callable[[DatasetContract], Iterator[Chunk]]


def add_source(
    name: str, datasets: frozenset[str], purposes: frozenset[str], *, actor: Actor, deps: Deps
) -> str:
    """Register a source system, or give a registered one a new secret and new rights; returns the secret.

    Raises:
        DeniedError: the actor lacks ``source:add``.
        UsageError: not a name, or no dataset or purpose is named.
        UnknownError: no such dataset or purpose.
    """
    act = authorise(deps, actor, "source:add", resource="source")
    try:
        source = SourceSystem(name, datasets, purposes)
    except ValueError as error:
        raise UsageError(str(error)) from None
    rights = {"datasets": ",".join(sorted(datasets)), "purposes": ",".join(sorted(purposes))}
    if not all(0 < len(names) <= _LONGEST for names in rights.values()):
        raise UsageError("name what the source sends to and for what purpose, a few each")
    if not purposes <= deps.policy.bundle.purposes.keys():
        raise UnknownError("the policies know no such purpose")
    with deps.ops() as tx:
        if not datasets <= {c.name for c in tx.datasets.all()}:
            raise UnknownError("no such dataset")
        known = tx.sources.get(name)
        source = replace(source, version=known.version + 1 if known else 1)
        tx.sources.save(source, deps.clock.now())
        detail: Detail = (*rights.items(), ("version", source.version))
        act.record(within=tx, resource=f"source/{name}", detail=detail)
    return _secret(source, deps)


def revoke_source(name: str, *, actor: Actor, deps: Deps) -> None:
    """Take nothing from a source any more. Raises DeniedError, UnknownError."""
    act = authorise(deps, actor, "source:revoke", resource="source")
    with deps.ops() as tx:
        source = tx.sources.get(name)
        if source is None:
            raise UnknownError("no such source system")
        tx.sources.save(replace(source, revoked=True), deps.clock.now())
        act.record(within=tx, resource=f"source/{name}")


def open_push(request: SignedRequest, *, deps: Deps, address: str = "") -> Push:
    """Verify what is known of a request before its body; ``address`` is where it comes from.

    Raises:
        UnauthenticatedError: who sends it is not proven; ``why`` is a short code.
        UsageError: the idempotency key or the schema version is malformed.
        TooManyError: in the place of these, when the sender was refused too often.
    """
    try:
        signature = read_signature(request)
        body = read_digest(request.headers.get("content-digest", ""))
    except SignatureFormError as error:
        _refuse(deps, _NOBODY, f"signature_{error}", sender=address)
    if missing := COVERED - signature.components:
        _refuse(deps, _NOBODY, f"signature_lacks_{min(missing)}", sender=address)
    with deps.ops() as tx:
        source = tx.sources.get(signature.parameters["keyid"])
    secret = _secret(source or _UNKNOWN, deps)
    if not signature.is_by(secret.encode()) or source is None or source.revoked:
        # one answer for a wrong secret, a revoked and an unknown source
        _refuse(deps, _NOBODY, "signature_signature", sender=address)
    sent = Push(
        source,
        body,
        created=int(signature.parameters["created"]),
        key=request.headers["idempotency-key"].strip('"'),
        version=request.headers["fiduciary-schema-version"],
        purpose=request.headers["fiduciary-purpose"],
    )
    if abs(deps.clock.now().timestamp() - sent.created) > MAX_SKEW:
        _refuse(deps, sent.actor, "signature_created")
    if not _KEY.fullmatch(sent.key) or not _VERSION.fullmatch(sent.version):
        _refuse(deps, sent.actor, "header_form")
    return sent


def push(sent: Push, path: Path, sha256: bytes, dataset: str, *, deps: Deps, encoding: str = "") -> BatchRow:
    """Take in the file of a verified request.

    Args:
        sent: from ``open_push``.
        path: the body.
        sha256: of the body, computed while it was written.
        dataset: from the path of the request.
        deps: the service.
        encoding: of a text file, when its bytes alone do not tell.

    Raises:
        UnauthenticatedError: another body was signed.
        DeniedError: the source may not send to this dataset, or not for this purpose.
        ConflictError: a replay, or another schema version is in force.
        UsageError: the idempotency key stands for another request.
        TooManyError: in the place of these, when the source was refused too often.
        And what ``take_in`` raises.
    """
    source, actor = sent.source, sent.actor
    if not hmac.compare_digest(sha256, sent.body):
        _refuse(deps, actor, "signature_body")
    with deps.ops() as tx:
        earlier = tx.sources.pushed(source.name, sent.key)
        row = tx.batches.get(earlier.batch) if earlier else None
    if dataset not in source.datasets:
        _refuse(deps, actor, "dataset_not_granted")
    contract, _ = allowed(dataset, actor, deps)
    if sent.purpose not in source.purposes.intersection(contract.purposes):  # PIPL 6
        _refuse(deps, actor, "purpose_not_granted", dataset)
    asked = json.dumps([dataset, path.name, encoding, sent.version, sent.purpose, sha256.hex()])
    record_now = PushRecord(hashlib.sha256(asked.encode()).hexdigest(), "", sent.created)
    if earlier is not None:
        _repeat(earlier, record_now, actor, dataset, deps)
    elif sent.version != contract.version:
        versions = {"sent": sent.version, "in_force": contract.version}
        _refuse(deps, actor, "schema_version", dataset, **versions)
    if row is None:
        file = deps.connector.open(path, encoding=encoding)
        facts = sorted((*file.facts, ("purpose", sent.purpose), ("source", source.name)))
        opened = _Pushed(file.digest, tuple(facts), file.chunks)
        row = take_in(opened, dataset, actor=actor, deps=deps, name=source.name)
    with deps.ops() as tx:
        tx.sources.answer(source.name, sent.key, replace(record_now, batch=row.id))
    return row


def _repeat(earlier: PushRecord, now: PushRecord, actor: Actor, dataset: str, deps: Deps) -> None:
    """Let a request through that was answered before, if it is the same one and signed anew."""
    if earlier.request != now.request:
        _refuse(deps, actor, "idempotency_key", dataset)
    if now.created <= earlier.created:
        _refuse(deps, actor, "replay", dataset)


def _secret(source: SourceSystem, deps: Deps) -> str:
    return secret_of(source, deps.keyring.derive("source-secret"))


def _refuse(
    deps: Deps, actor: Actor, why: str, dataset: str = "", *, sender: str = "", **fields: str | int
) -> NoReturn:
    """Log a refusal, then raise it; without a log entry where there are too many."""
    wait, unlogged = deps.refusals.spend(sender or actor.id, deps.clock.now().timestamp())
    if wait:
        raise TooManyError("too many requests were refused: correct them and wait", retry_after=wait)
    Act(
        allow=False, rule="", role="", reason=why, policy=deps.policy.bundle.digest, deps=deps, actor=actor,
        permission="dataset:ingest", resource=f"dataset/{dataset}" if dataset else "dataset",
    ).record(detail=(("unlogged", unlogged),) if unlogged else ())  # fmt: skip
    kind, text = REFUSALS.get(why, _UNPROVEN)
    raise kind(text, why=why, **fields)
