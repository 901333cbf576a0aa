"""Vaults with a seeded bug each."""

from __future__ import annotations

from privacy.keys.epochs import new_epoch, series_of
from service.adapters.keys.files import EpochFiles
from service.adapters.sql.vault import SqlVault
from service.adapters.sql.vault_subjects import bury, rewrap_living, state_of
from service.adapters.sql.vault_tables import KEY_EPOCH


class KeepsOldEpochs(EpochFiles):
    """The old epoch's key is not destroyed."""

    def destroy(self, epoch_id: str) -> None:
        """Do nothing."""


class ForgetsTheJournal(SqlVault):
    """Rows are removed, but the SQLite journal is left as it is."""

    def destroy(self, subject: int) -> str:
        """``destroy`` without its last step."""
        with self._session(write=True) as (connection, old):
            state_of(connection, subject)
            new = new_epoch(series_of(old.id))
            self._files.create(new)
            bury(connection, subject)
            rewrap_living(connection, old, new)
            connection.execute(KEY_EPOCH.update().values(epoch=new.id))
            self._files.destroy(old.id)
        return old.id


class DestroysTooEarly(SqlVault):
    """The old epoch's key is destroyed before the database has let go of it."""

    def destroy(self, subject: int) -> str:
        """``destroy`` with steps 2 and 3 exchanged."""
        with self._session(write=True) as (connection, old):
            new = new_epoch(series_of(old.id))
            self._files.create(new)
            bury(connection, subject)
            rewrap_living(connection, old, new)
            connection.execute(KEY_EPOCH.update().values(epoch=new.id))
            self._files.destroy(old.id)
        return old.id


class SkipsRewrapping(SqlVault):
    """The subject's rows go, the epoch stays."""

    def destroy(self, subject: int) -> str:
        """Only bury."""
        with self._session(write=True) as (connection, old):
            bury(connection, subject)
        return old.id
