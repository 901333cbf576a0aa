"""The audit trail over a log directory, as the use cases see it."""

from __future__ import annotations

import resource
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.canonical import digest
from audit.certificate import build_certificate, verify_certificate
from audit.checkpoint import verify_proof
from audit.dsse import Statement, format_statement, verify_envelope
from audit.entry import Entry, format_entry
from audit.evidence import Place
from audit.note import SigningKey, parse_vkey
from audit.verify_log import verify_log
from service.adapters.sql.audit_index import AuditIndex
from service.adapters.sql.engine import make_engine, migrate
from service.adapters.trail import LogTrail, open_trail
from service.errors import AuditUnavailableError, StorageError
from service.ports import AuditTrail, EntryFilter

ORIGIN = "fiduciary.example/log"
ENTRY = Entry(id="0" * 32, at=datetime(2026, 1, 2, tzinfo=UTC), type="dataset:ingest", actor="user:ann")


def opened(folder: Path, *, create: bool = False, origin: str = ORIGIN) -> LogTrail:
    folder.mkdir(exist_ok=True)
    engine = make_engine(f"sqlite:///{folder / 'ops.sqlite'}")
    migrate(engine, "ops")
    index = AuditIndex(engine)
    return open_trail(folder / "log", folder / "keys" / "log.key", origin, index, year=2026 if create else 0)


@pytest.fixture
def trail(tmp_path: Path) -> LogTrail:
    return opened(tmp_path, create=True)


def at(position: int) -> Place:
    return Place(f"{ORIGIN}/governance/2026", position)


def shard(folder: Path) -> Path:
    return folder / "log" / "governance" / "2026"


def numbered(number: int) -> Entry:
    return replace(ENTRY, id=f"{number:032x}")


def test_it_is_an_audit_trail(trail: LogTrail) -> None:
    port: AuditTrail = trail
    port.append(numbered(0), numbered(1))
    port.append()
    assert [place for place, _ in port.find(EntryFilter())] == [at(0), at(1)]


def test_entries_are_listed_sealed(tmp_path: Path, trail: LogTrail) -> None:
    trail.append(numbered(0), numbered(1))
    assert list(trail.entries()) == [(at(0), numbered(0)), (at(1), numbered(1))]
    facts = verify_log(shard(tmp_path), vkey=trail.vkeys()[0])
    assert (facts.size, facts.unsealed) == (2, 0)


def test_proof_and_evidence_lead_to_the_checkpoint(trail: LogTrail) -> None:
    trail.append(numbered(0), numbered(1))
    note = trail.seal()
    verify_proof(
        trail.evidence([at(1)]).proofs[at(1)], format_entry(numbered(1)), parse_vkey(trail.vkeys()[0])
    )
    assert trail.evidence([at(0)]).checkpoint == note
    with pytest.raises(AuditUnavailableError):
        trail.evidence([at(2)])


def test_a_certificate_is_made_from_what_the_trail_gives(trail: LogTrail) -> None:
    trail.append(numbered(0))
    cited, certify = at(0), at(1)
    statement = Statement(
        {"request/R-1": "0" * 64}, "https://fiduciary.example/erasure/v1", {"entries": [str(cited)]}
    )
    envelope = trail.attest(format_statement(statement))
    assert verify_envelope(envelope, parse_vkey(trail.vkeys()[0])) == statement
    trail.append(replace(numbered(1), type="rights:certify", payload=digest(envelope)))
    data = build_certificate(envelope, [cited], certify, evidence=trail.evidence([cited, certify]))
    assert verify_certificate(data, vkey=trail.vkeys()[0]).certify == str(certify)


def test_reopening_goes_on_with_the_same_key(tmp_path: Path, trail: LogTrail) -> None:
    trail.append(numbered(0))
    again = opened(tmp_path, create=True)
    assert again.vkeys()[0] == trail.vkeys()[0]
    again.append(numbered(1))
    assert [entry.id for _, entry in again.entries()] == [numbered(0).id, numbered(1).id]


def test_a_log_is_not_made_by_accident(tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailableError):
        opened(tmp_path)
    assert not (tmp_path / "keys").exists()
    assert not (tmp_path / "log").exists()


def test_a_creation_that_stopped_after_the_key_is_finished(tmp_path: Path, trail: LogTrail) -> None:
    shutil.rmtree(tmp_path / "log" / "access")
    assert opened(tmp_path, create=True).vkeys()[0] == trail.vkeys()[0]


def lose_key(folder: Path) -> None:
    (folder / "keys" / "log.key").unlink()


def open_key(folder: Path) -> None:
    (folder / "keys" / "log.key").chmod(0o644)


def lose_checkpoint(folder: Path) -> None:
    (shard(folder) / "checkpoint").unlink()


def lose_tile(folder: Path) -> None:
    next((shard(folder) / "tile" / "0").rglob("1")).unlink()


@pytest.mark.parametrize("harm", [lose_key, open_key, lose_checkpoint, lose_tile])
@pytest.mark.parametrize("create", [False, True])
def test_harm_is_never_repaired_by_starting_anew(
    tmp_path: Path, trail: LogTrail, harm: Callable[[Path], None], *, create: bool
) -> None:
    trail.append(numbered(0))
    trail.seal()
    harm(tmp_path)
    with pytest.raises(AuditUnavailableError) as caught:
        opened(tmp_path, create=create)
    assert caught.value.fields["step"] == "open"


def test_a_key_of_another_origin_is_refused(tmp_path: Path, trail: LogTrail) -> None:
    with pytest.raises(AuditUnavailableError):
        opened(tmp_path, origin="fiduciary.example/other")


def test_a_full_disk_stops_the_effect(trail: LogTrail) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(AuditUnavailableError) as caught:
            trail.append(numbered(0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert "disk is full" in str(caught.value)
    with pytest.raises(AuditUnavailableError):
        trail.append(numbered(0))


def test_a_statement_that_is_not_canonical_is_not_attested(trail: LogTrail) -> None:
    with pytest.raises(AuditUnavailableError):
        trail.attest(b'{"a": 1}')


class Gone:
    """A key whose device was pulled out after it signed a while."""

    def __init__(self, origin: str) -> None:
        self._key, self.here = SigningKey(origin, bytes(32)), True
        self.key = self._key.key

    def sign(self, data: bytes) -> bytes:
        """Sign, or fail as a device does."""
        if not self.here:
            raise StorageError("the token does not answer")
        return self._key.sign(data)


def test_a_device_that_is_gone_stops_the_effect_as_a_full_disk_does(tmp_path: Path) -> None:
    devices: dict[str, Gone] = {}
    engine = make_engine(f"sqlite:///{tmp_path / 'ops.sqlite'}")
    migrate(engine, "ops")
    trail = open_trail(
        tmp_path / "log", tmp_path / "none", ORIGIN, AuditIndex(engine), year=2026,
        tokens=lambda origin: [devices.setdefault(origin, Gone(origin))],
    )  # fmt: skip
    trail.append(numbered(0))
    trail.seal()
    for device in devices.values():
        device.here = False
    trail.append(numbered(1))
    with pytest.raises(AuditUnavailableError):
        trail.seal()
    with pytest.raises(AuditUnavailableError):
        trail.append(numbered(2))
