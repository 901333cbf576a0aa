"""The one place that composes ports and adapters."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict

from policies.enforcer import Enforcer
from policies.errors import PolicyError
from policies.loader import load_policies
from privacy.keys.keyring import Keyring
from service.adapters import witness
from service.adapters.clock import SystemClock
from service.adapters.connectors import contract_file, repair
from service.adapters.connectors.files import FileConnector
from service.adapters.courier import ConsoleCourier
from service.adapters.events.store import DeltaEventStore
from service.adapters.keys.files import create_root, load_root
from service.adapters.keys.log_keys import Tokens
from service.adapters.keys.report_key import ReportKey
from service.adapters.scanner import FileScanner
from service.adapters.sql.audit_index import AuditIndex
from service.adapters.sql.engine import make_engine, migrate
from service.adapters.sql.export import TableExport, open_database
from service.adapters.sql.ops import SqlOps
from service.adapters.sql.vault import open_vault
from service.adapters.timestamps import HttpAuthority
from service.adapters.trail import open_trail
from service.domain.actors import Actor
from service.domain.contracts import DatasetContract, TextProfile
from service.domain.odcs import canonical_json, parse_contract
from service.domain.traces import parse_traceparent
from service.errors import ConflictError, ContractError, UsageError
from service.ports import Clock, Courier, Deps, Scanner
from service.ports.exports import Export
from service.ports.streams import Stream
from service.settings import Settings
from service.usecases.users import first_user

if TYPE_CHECKING:
    from privacy.pii.detect import Detector
    from service.adapters.keys.pkcs11 import TokenKey

load_contract = contract_file.load_contract
FILES: Final = FileConnector()
repair_file = repair.repair_file
create_witness, open_witness = witness.create_witness, witness.open_witness
_NO_STREAMS = "this needs the extra `streams`: make streams"


class Acting(TypedDict):
    """What a use case is given besides its own arguments."""

    actor: Actor
    deps: Deps


def parse_contract_text(text: str) -> tuple[DatasetContract, str]:
    """A dataset contract from its YAML text, and its document as canonical JSON. Raises ContractError."""
    data = text.encode()
    if len(data) > contract_file.MAX_BYTES:
        raise ContractError("the contract is too large", limit=contract_file.MAX_BYTES)
    document = contract_file.parse_yaml(data)
    return parse_contract(document), canonical_json(document)


def create_service(settings: Settings, *, clock: Clock | None = None) -> tuple[Deps, str]:
    """Make a new data directory: keys, databases, log and the first administrator; returns their token.

    Raises:
        ConflictError: the directory holds a service already; nothing is touched.
    """
    if (settings.keys / "root.key").exists():
        raise ConflictError("this data directory holds a service already")
    for folder in (settings.home, settings.keys, settings.events, settings.reports, settings.certificates):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    create_root(settings.keys / "root.key")
    deps = _compose(settings, clock or SystemClock(), create=True)
    token = first_user(Actor("user:admin", frozenset({"admin"})), deps=deps)
    deps.audit.seal()
    return deps, token


def open_service(
    settings: Settings, *, clock: Clock | None = None, courier: Courier | None = None, relay: bool = True
) -> Deps:
    """Open an existing data directory. Raises ConflictError when there is none.

    ``relay``: what a killed process left in the outbox goes into the log.
    """
    _must_exist(settings)
    deps = _compose(settings, clock or SystemClock(), create=False, courier=courier)
    if relay:
        deps.audit.relay()
    return deps


def open_export(
    url: str, *, source: str, table: str, watermark: str, lag: str = "", accept_change: bool = False
) -> Export:
    """A table of another system's database. Raises UsageError, without the URL."""
    return TableExport(open_database(url), source, table, watermark, lag, accept_change)


def open_scanner(settings: Settings, progress: Callable[[str, int], None]) -> Scanner:
    """Search a data directory without opening it. Raises ConflictError when there is none."""
    _must_exist(settings)
    return FileScanner(settings.home, progress)


def open_nats(url: str, stream: str, subject: str, credentials: Path | None = None) -> Stream:
    """A JetStream stream. Raises UsageError when the client library is not installed."""
    try:
        from service.adapters.streams.nats import NatsStream  # noqa: PLC0415  an optional extra
    except ImportError:
        raise UsageError(_NO_STREAMS) from None
    return NatsStream(url, stream, subject, credentials)


def open_kafka(servers: str, topic: str, partition: int) -> Stream:
    """A partition of a Kafka topic. Raises UsageError when the client library is not installed."""
    try:
        from service.adapters.streams.kafka import KafkaStream  # noqa: PLC0415  an optional extra
    except ImportError:
        raise UsageError(_NO_STREAMS) from None
    return KafkaStream(servers, topic, partition)


def _must_exist(settings: Settings) -> None:
    if not (settings.keys / "root.key").exists():
        raise ConflictError("there is no service here yet; run `fiduciary init`")


def _compose(settings: Settings, clock: Clock, *, create: bool, courier: Courier | None = None) -> Deps:
    keyring = Keyring(load_root(settings.keys / "root.key"))
    ops_engine, vault_engine = make_engine(settings.database_url), make_engine(settings.vault_url)
    migrate(ops_engine, "ops")
    migrate(vault_engine, "vault")
    report_key, log_keys = _tokens(settings)
    stamper = HttpAuthority(settings.tsa).stamp if settings.tsa else None
    asked, index = witness.load_witnesses(settings.trust), AuditIndex(ops_engine)
    trail = open_trail(
        settings.log, settings.keys / "log.key", settings.origin, index,
        year=clock.now().year if create else 0, witnesses=asked, tokens=log_keys,
    )  # fmt: skip
    return Deps(
        clock=clock,
        audit=trail,
        policy=_policy(settings.policies),
        keyring=keyring,
        vault=open_vault(vault_engine, keyring, settings.keys, clock),
        events=DeltaEventStore(settings.events, n_buckets=settings.buckets),
        ops=SqlOps(ops_engine, trail.relay),
        connector=FILES,
        detector=_detector,
        scanner=FileScanner(settings.home),
        courier=courier or ConsoleCourier(),
        home=settings.home,
        trace=parse_traceparent(settings.traceparent),
        signer=ReportKey(
            settings.keys, clock, settings.report_certificate, settings.report_crls, report_key, stamper
        ),
    )


def _tokens(settings: Settings) -> tuple[TokenKey | None, Tokens | None]:
    """The keys of reports and of the log that are in devices."""
    if not settings.report_key + settings.log_key:
        return None, None
    try:
        from service.adapters.keys.pkcs11 import TokenSigner, parse_uri  # noqa: PLC0415  an optional extra
    except ImportError:
        raise UsageError("this needs the extra `hsm`: make hsm") from None
    names = settings.log_key.split()
    report = parse_uri(settings.report_key) if settings.report_key else None
    held = functools.cache(lambda origin: [TokenSigner(name, origin) for name in names])
    return report, held if names else None


def _detector(profile: TextProfile) -> Detector:
    from service.usecases.pii import Engine, open_detector  # noqa: PLC0415  slow, and only free text needs it

    return open_detector(Engine(profile))


@functools.cache
def _policy(directory: Path | None) -> Enforcer:
    try:
        return Enforcer(load_policies(directory))
    except PolicyError as error:
        raise UsageError(
            "the policies cannot be used", file=error.file, line=error.line, why=error.reason
        ) from None
