"""What an attacker with the disk looks for after an erasure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fakes.vaults import ROOT, VaultHome, blind, person
from sqlalchemy import select

from privacy.errors import WrapBrokenError
from privacy.keys.keyring import Keyring
from service.adapters.keys.files import EpochFiles
from service.adapters.sql.vault import SqlVault
from service.adapters.sql.vault_subjects import keys_of
from service.adapters.sql.vault_tables import SEALED, SUBJECT


@dataclass(frozen=True, slots=True)
class Traces:
    """Byte strings that belong to one subject, by name."""

    subject: int
    wrapped: bytes
    needles: dict[str, bytes]


def traces(vault: SqlVault, home: VaultHome, subject: int, n: int) -> Traces:
    """All that is the n-th person's, taken while it lives."""
    with vault._session() as (connection, epoch):
        keys = keys_of(connection, epoch, [subject])[subject]
    with home.engine().begin() as connection:
        wrapped = connection.scalar(select(SUBJECT.c.wrapped).where(SUBJECT.c.number == subject))
        boxes = connection.scalars(select(SEALED.c.box).where(SEALED.c.subject == subject)).all()
    assert wrapped is not None
    needles: dict[str, bytes] = {"sid": keys.sid, "dek": keys.dek, "wrapped": wrapped}
    needles["pseudonym"] = vault.pseudonyms([subject])["_sp"].item()
    needles |= {f"box {i}": box for i, box in enumerate(boxes)}
    needles |= {f"plain {t}": value.encode() for t, value in person(n).items()}
    needles |= {f"index {t}": tag for t, tag in blind(person(n)).row(0, named=True).items()}
    return Traces(subject, wrapped, needles)


def found(directory: Path, needles: dict[str, bytes]) -> set[str]:
    """Names of the needles that are in any file of the directory, raw or as hex."""
    contents = [path.read_bytes() for path in directory.rglob("*") if path.is_file()]
    return {
        name
        for name, needle in needles.items()
        if any(needle in content or needle.hex().encode() in content.lower() for content in contents)
    }


def old_copy_opens(home: VaultHome, kept: Traces) -> bool:
    """Whether a wrapped key from a backup opens with any key file that is left and the root key."""
    files = EpochFiles(home.keys, Keyring(ROOT).derive("epoch"))
    for epoch_id in files.ids():
        try:
            files.load(epoch_id).unwrap(kept.subject, kept.wrapped)
        except WrapBrokenError:
            continue
        return True
    return False
