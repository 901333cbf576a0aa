"""A destroyed subject leaves nothing on the disk, and a kill at any step of destroying loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.dying_vault import AFTER, BEFORE, MUTANT
from fakes.postgres import PostgresServer
from fakes.residue import Traces, found, old_copy_opens, traces
from fakes.vaults import ROOT, VaultHome, document, enrol, person
from mutants import vaults

from privacy.keys.keyring import Keyring
from service.adapters.keys.files import EpochFiles
from service.adapters.sql.vault import SqlVault
from service.errors import StorageError

TESTS = Path(__file__).resolve().parents[2]
RING = Keyring(ROOT)


@pytest.fixture
def disk(tmp_path: Path, clock: FakeClock) -> VaultHome:
    """A vault on SQLite, whose every byte can be read."""
    return VaultHome(f"sqlite:///{tmp_path / 'vault.sqlite'}", tmp_path / "keys", clock)


def erased_with(disk: VaultHome, vault: SqlVault) -> tuple[Traces, set[str]]:
    one, *_ = enrol(vault, 1, 2, 3)
    kept = traces(vault, disk, one, 1)
    vault.destroy(one)
    return kept, found(disk.keys.parent, kept.needles)


def test_no_byte_of_an_erased_subject_is_left(disk: VaultHome) -> None:
    vault = disk.open()
    kept, left = erased_with(disk, vault)
    assert left == set()
    assert not old_copy_opens(disk, kept)
    assert vault.open(2, "contact") == document(2, "mobile", "email")


def test_no_plain_identifier_key_or_pseudonym_is_ever_on_the_disk(disk: VaultHome) -> None:
    vault = disk.open()
    (one,) = enrol(vault, 1)
    kept = traces(vault, disk, one, 1)
    names = {"wrapped", "box 0", "box 1"} | {f"index {t}" for t in person(1)}
    assert found(disk.keys.parent, kept.needles) == names
    assert old_copy_opens(disk, kept)


def test_a_big_vault_leaves_nothing_either(disk: VaultHome) -> None:
    vault = disk.open()
    numbers = list(range(600))
    subjects = enrol(vault, *numbers)
    needles: dict[str, bytes] = {}
    for n in (0, 299, 599):
        kept = traces(vault, disk, subjects[n], n)
        needles |= {f"{n} {name}": needle for name, needle in kept.needles.items()}
        vault.destroy(subjects[n])
    assert found(disk.keys.parent, needles) == set()
    assert len(vault.pseudonyms()) == 597


def test_the_scan_sees_an_untouched_journal(disk: VaultHome) -> None:
    disk.open()
    files = EpochFiles(disk.keys, RING.derive("epoch"))
    _, left = erased_with(disk, vaults.ForgetsTheJournal(disk.engine(), RING, files, disk.clock))
    assert "wrapped" in left


def test_an_old_copy_opens_when_the_epoch_is_kept(disk: VaultHome) -> None:
    disk.open()
    files = vaults.KeepsOldEpochs(disk.keys, RING.derive("epoch"))
    kept, _ = erased_with(disk, SqlVault(disk.engine(), RING, files, disk.clock))
    assert old_copy_opens(disk, kept)


def test_an_old_copy_opens_when_nothing_is_rewrapped(disk: VaultHome) -> None:
    disk.open()
    files = EpochFiles(disk.keys, RING.derive("epoch"))
    kept, _ = erased_with(disk, vaults.SkipsRewrapping(disk.engine(), RING, files, disk.clock))
    assert old_copy_opens(disk, kept)


def killed_at(home: VaultHome, step: str) -> None:
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    script = [sys.executable, "-m", "fakes.dying_vault", home.url, str(home.keys), ROOT.hex(), step]
    run = subprocess.run(
        script, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )
    assert run.returncode == -signal.SIGKILL, run.stderr


@pytest.mark.parametrize("step", BEFORE + AFTER)
def test_a_kill_in_the_middle_of_an_erasure_is_made_good(disk: VaultHome, step: str) -> None:
    kept = made_good(disk, step)
    assert found(disk.keys.parent, kept.needles) == set()


@pytest.mark.postgres
@pytest.mark.parametrize("step", ["commit_asked", "committed"])
def test_a_kill_around_the_commit_is_made_good_on_postgresql(
    postgres_server: PostgresServer, disk: VaultHome, step: str
) -> None:
    name = postgres_server.create()
    made_good(replace(disk, url=postgres_server.url(name)), step)


def made_good(home: VaultHome, step: str) -> Traces:
    before = home.open()
    one, two = enrol(before, 1, 2)
    kept = traces(before, home, one, 1)
    pseudonym = before.pseudonyms([two])
    killed_at(home, step)

    vault = home.open()
    assert len(list(home.keys.iterdir())) == 1
    assert (vault.open(one, "identity") is None) == (step in AFTER)
    assert old_copy_opens(home, kept) == (step in BEFORE)
    ended = vault.destroy(one)
    assert ended == vault.destroy(one)
    assert not old_copy_opens(home, kept)
    assert vault.open(one, "identity") is None
    assert vault.pseudonyms().equals(pseudonym)
    assert vault.open(two, "identity") == document(2, "cn_resident_id")
    return kept


def test_a_kill_shows_when_the_old_epoch_is_destroyed_too_early(disk: VaultHome) -> None:
    enrol(disk.open(), 1, 2)
    killed_at(disk, MUTANT)
    with pytest.raises(StorageError):
        disk.open()
