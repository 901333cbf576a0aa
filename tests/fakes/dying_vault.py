"""A process that kills itself at a chosen step of destroying subject 1: ``dying_vault.py URL KEYS STEP``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from fakes.clock import FakeClock
from mutants.vaults import DestroysTooEarly
from sqlalchemy import event

from privacy.keys.epochs import Epoch
from privacy.keys.keyring import Keyring
from service.adapters.keys.files import EpochFiles
from service.adapters.sql.engine import make_engine
from service.adapters.sql.vault import SqlVault

#: Steps before the commit leave the subject alive; after it, only cleaning is left to do.
BEFORE = ("half_written", "new_epoch_durable", "commit_asked")
AFTER = ("committed", "old_epoch_overwritten", "old_epoch_gone")
MUTANT = "destroys_too_early"


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class DyingFiles(EpochFiles):
    """Key files whose process dies in the middle."""

    step = ""

    def create(self, epoch: Epoch) -> None:
        """Die with half a file, or once it is durable."""
        if self.step == "half_written":
            self._path(epoch.id).with_suffix(".key.00000000.partial").write_bytes(b"half")
            _die()
        super().create(epoch)
        if self.step == "new_epoch_durable":
            _die()

    def sweep(self, keep: str) -> tuple[str, ...]:
        """Die before sweeping."""
        if self.step == "committed":
            _die()
        return super().sweep(keep)

    def destroy(self, epoch_id: str) -> None:
        """Die between overwriting and unlinking, or after both."""
        if self.step == "old_epoch_overwritten":
            path = self._path(epoch_id)
            path.write_bytes(bytes(path.stat().st_size))
            _die()
        super().destroy(epoch_id)
        if self.step == "old_epoch_gone":
            _die()


def main(url: str, keys: str, root: str, step: str) -> None:
    """Destroy subject 1 and die on the way."""
    ring = Keyring(bytes.fromhex(root))
    engine = make_engine(url)
    files = DyingFiles(Path(keys), ring.derive("epoch"))
    files.step = step
    kind = DestroysTooEarly if step == MUTANT else SqlVault
    if step in {"commit_asked", MUTANT}:
        event.listen(engine, "commit", lambda _connection: _die())
    kind(engine, ring, files, FakeClock()).destroy(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
