"""An empty vault on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.clock import FakeClock
from fakes.vaults import VaultHome

from service.adapters.sql.vault import SqlVault


@pytest.fixture
def home(database_url: str, tmp_path: Path, clock: FakeClock) -> VaultHome:
    """Where the vault lives."""
    return VaultHome(database_url, tmp_path / "keys", clock)


@pytest.fixture
def vault(home: VaultHome) -> SqlVault:
    """The vault, open."""
    return home.open()
