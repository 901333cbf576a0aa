"""A vault over an empty database, and made-up people to put in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from fakes.clock import FakeClock
from sqlalchemy import Engine, select

from privacy.keys.envelope import open_sealed
from privacy.keys.keyring import Keyring
from privacy.pseudonym.blind_index import blind_index
from privacy.pseudonym.purpose import permute
from privacy.pseudonym.reidentify import reidentify
from service.adapters.sql.engine import make_engine, migrate
from service.adapters.sql.vault import SqlVault, open_vault
from service.adapters.sql.vault_tables import RETAINED
from service.ports import Vault

ROOT: Final = bytes(range(32))
TYPES: Final = ("cn_resident_id", "bank_card", "mobile", "email")


@dataclass(frozen=True, slots=True)
class VaultHome:
    """Where a vault lives, and how to open it (again)."""

    url: str
    keys: Path
    clock: FakeClock

    def engine(self) -> Engine:
        """An engine over the migrated database."""
        engine = make_engine(self.url)
        migrate(engine, "vault")
        return engine

    def open(self) -> SqlVault:
        """Open the vault as a new process would."""
        return open_vault(self.engine(), Keyring(ROOT), self.keys, self.clock)


def blind(*rows: dict[str, str]) -> pl.DataFrame:
    """Rows of identifiers in normal form as blind indexes."""
    ring = Keyring(ROOT)
    frame = pl.DataFrame(list(rows), schema=dict.fromkeys(TYPES, pl.String))
    return frame.select(blind_index(frame[t], ring.index_key(t)).alias(t) for t in TYPES)


def person(n: int) -> dict[str, str]:
    """Identifiers of the n-th made-up person, in normal form."""
    return {
        "cn_resident_id": resident_id(n),
        "bank_card": card(n),
        "mobile": f"+86139{n:08d}",
        "email": f"person{n}@example.org",
    }


def resident_id(n: int) -> str:
    """A valid resident id with an unassigned county code."""
    body = f"99000019800101{n:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def card(n: int) -> str:
    """A card number that passes the Luhn check."""
    body = f"62999900000{n:04d}"
    doubled = (int(d) * (2 - i % 2) for i, d in enumerate(reversed(body)))
    return body + str(-sum(d - 9 if d > 9 else d for d in doubled) % 10)


def document(n: int, *names: str) -> bytes:
    """A sealed document with some of the n-th person's identifiers."""
    return json.dumps({name: person(n)[name] for name in names} | {"name": f"Person {n}"}).encode()


def enrol(vault: SqlVault, *numbers: int) -> list[int]:
    """Put people in, with two sealed documents each; their subject numbers."""
    rows = vault.resolve(blind(*(person(n) for n in numbers)), create=True)
    subjects = rows["_subject"].to_list()
    people = list(zip(subjects, numbers, strict=True))
    vault.seal_classes(
        {
            "identity": {subject: document(n, "cn_resident_id") for subject, n in people},
            "contact": {subject: document(n, "mobile", "email") for subject, n in people},
        }
    )
    return subjects


def purpose_pseudonyms(vault: Vault, keyring: Keyring, subjects: Sequence[int], purpose: str) -> list[bytes]:
    """What another purpose calls living subjects, from what the store calls them. KeyError for others."""
    frame = vault.pseudonyms(subjects)
    stored = dict(zip(frame["_subject"], frame["_sp"], strict=True))
    storage, other = keyring.purpose_key("storage"), keyring.purpose_key(purpose)
    sids = b"".join(reidentify(stored[subject], storage) for subject in subjects)
    permuted = permute(np.frombuffer(sids, np.uint8).reshape(len(subjects), -1), other)
    return [bytes(row) for row in permuted]


def open_retained(home: VaultHome, request: str, data_class: str) -> bytes:
    """What a law keeps, opened as the holder of the retention key can. Raises SealBrokenError."""
    where = (RETAINED.c.request == request) & (RETAINED.c.data_class == data_class)
    with home.engine().begin() as connection:
        box = connection.execute(select(RETAINED.c.box).where(where)).scalar_one()
    key = Keyring(ROOT).derive("retention")
    return open_sealed(key, box, subject=0, data_class=f"{request}/{data_class}", schema=1)
