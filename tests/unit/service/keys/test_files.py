"""Key files: private, whole, never overwritten, gone when destroyed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from privacy.keys.epochs import new_epoch, new_subject_keys
from service.adapters.keys.files import EpochFiles, create_root, load_root
from service.errors import ConflictError, StorageError, TamperedError

SEALING = bytes(32)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_root_key_is_private_random_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "root.key"
    root = create_root(path)
    assert load_root(path) == root
    assert len(root) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert names(path.parent) == {"root.key"}
    assert create_root(tmp_path / "other.key") != root


def test_a_root_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    root = create_root(path)
    with pytest.raises(ConflictError):
        create_root(path)
    assert load_root(path) == root
    assert names(tmp_path) == {"root.key"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "root.key"
    create_root(path)
    path.chmod(mode)
    with pytest.raises(StorageError) as caught:
        load_root(path)
    assert caught.value.fields["file"] == "root.key"


def test_a_missing_short_or_linked_root_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    with pytest.raises(StorageError):
        load_root(path)
    path.write_bytes(bytes(31))
    path.chmod(0o600)
    with pytest.raises(StorageError):
        load_root(path)
    create_root(tmp_path / "real.key")
    path.unlink()
    path.symlink_to(tmp_path / "real.key")
    with pytest.raises(StorageError):
        load_root(path)
    with pytest.raises(StorageError):
        load_root(tmp_path)


def test_an_epoch_comes_back_under_its_root_only(tmp_path: Path) -> None:
    files = EpochFiles(tmp_path / "keys", SEALING)
    epoch = new_epoch("s")
    files.create(epoch)
    keys = new_subject_keys()
    assert files.load(epoch.id).unwrap(1, epoch.wrap(1, keys)) == keys
    assert files.ids() == {epoch.id}
    with pytest.raises(TamperedError):
        EpochFiles(tmp_path / "keys", bytes(31) + b"\1").load(epoch.id)
    with pytest.raises(ConflictError):
        files.create(epoch)
    with pytest.raises(StorageError):
        files.load("s-none")


def test_destroying_overwrites_the_bytes_and_is_idempotent(tmp_path: Path) -> None:
    files = EpochFiles(tmp_path, SEALING)
    epoch = new_epoch("s")
    files.create(epoch)
    (path,) = tmp_path.iterdir()
    size = path.stat().st_size
    with path.open("rb") as held:  # the file's blocks stay readable through an open descriptor
        files.destroy(epoch.id)
        assert held.read() == bytes(size)
    files.destroy(epoch.id)
    assert list(tmp_path.iterdir()) == []


def test_sweeping_removes_old_epochs_and_half_written_files_of_its_series_only(tmp_path: Path) -> None:
    files = EpochFiles(tmp_path, SEALING)
    old, kept, foreign = new_epoch("s"), new_epoch("s"), new_epoch("t")
    for epoch in (old, kept, foreign):
        files.create(epoch)
    (tmp_path / "epoch-s-77.key.ab.partial").write_bytes(b"half")
    (tmp_path / "root.key").write_bytes(b"not ours")
    os.link(tmp_path / f"epoch-{kept.id}.key", tmp_path / f"epoch-{kept.id}.key.cd.partial")
    assert files.sweep(keep=kept.id) == (old.id,)
    left = {f"epoch-{kept.id}.key", f"epoch-{foreign.id}.key", "root.key"}
    assert names(tmp_path) == left
    assert files.load(kept.id).id == kept.id
    assert files.sweep(keep=kept.id) == ()


def test_a_directory_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        EpochFiles(tmp_path / "file" / "keys", SEALING)
