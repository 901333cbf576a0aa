"""What the vault keeps for a time ends after its last day, and leaves nothing on the disk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from fakes.clock import START, FakeClock
from fakes.residue import found
from fakes.vaults import VaultHome, enrol
from sqlalchemy import select

from service.adapters.sql.vault import SqlVault
from service.adapters.sql.vault_tables import RETAINED, SUPPRESSION
from service.ports import Retained

LAST = datetime(2026, 3, 5, tzinfo=UTC)  # the day of an end is the last
ENDED, STANDS = b"e" * 16, b"s" * 16


def fill(vault: SqlVault) -> None:
    """A document and a tag that end on the last day, and one of each that do not."""
    (one,) = enrol(vault, 1)
    vault.retain(one, b"ends", Retained("r1", "aml_record", LAST, "AML 34"))
    vault.retain(one, b"stays", Retained("r2", "aml_record", LAST + timedelta(days=1), "AML 34"))
    vault.suppress([ENDED], until=LAST + timedelta(hours=9))
    vault.suppress([STANDS], until=LAST + timedelta(days=1))


def test_after_its_last_day_and_not_before_it_is_gone(vault: SqlVault, clock: FakeClock) -> None:
    fill(vault)
    clock.advance(LAST + timedelta(hours=23, minutes=59) - START)
    assert vault.expire() == {"documents": 0, "tags": 0}
    clock.advance(timedelta(minutes=1))
    assert vault.expire(dry_run=True) == {"documents": 1, "tags": 1}
    assert len(vault.retained()) == 2
    assert vault.expire() == {"documents": 1, "tags": 1}
    assert [kept.request for kept in vault.retained()] == ["r2"]
    assert vault.expire() == {"documents": 0, "tags": 0}


def test_its_bytes_are_gone_from_database_and_journal(tmp_path: Path, clock: FakeClock) -> None:
    home = VaultHome(f"sqlite:///{tmp_path / 'vault.sqlite'}", tmp_path / "keys", clock)
    vault = home.open()
    fill(vault)
    with home.engine().begin() as connection:
        box = connection.scalar(select(RETAINED.c.box).where(RETAINED.c.request == "r1"))
    assert box is not None
    needles = {"box": bytes(box), "tag": ENDED, "other": STANDS}
    assert found(tmp_path, needles) == set(needles)
    clock.advance(timedelta(days=4))
    vault.expire()
    assert found(tmp_path, needles) == {"other"}
    with home.engine().begin() as connection:
        assert connection.scalars(select(SUPPRESSION.c.tag)).all() == [STANDS]
