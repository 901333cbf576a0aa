"""Broken stores of the log: each leaves out what keeps acknowledged entries through a power cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from audit.filestore import FileStore
from audit.log import CHECKPOINT


class NoSegmentSync(FileStore):
    """Says that the segment is durable and does nothing for it."""

    def sync_pending(self) -> None:
        """Nothing."""


class NoFileSync(FileStore):
    """Puts files in place without waiting for their content."""

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write and rename, no sync."""
        for path, data in files.items():
            target = self.directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.with_name(f"{target.name}.tmp").write_bytes(data)
            target.with_name(f"{target.name}.tmp").rename(target)


class CutFirst(FileStore):
    """Empties the segment before the checkpoint stands."""

    def write(self, files: Mapping[str, bytes]) -> None:
        """Empty the segment, then write."""
        if CHECKPOINT in files:
            self.cut_pending(0)
        super().write(files)


class NoSettling(FileStore):
    """Builds upon what a killed writer left without making it durable."""

    def settle(self) -> None:
        """Nothing."""


class InPlace(FileStore):
    """Overwrites the checkpoint where it stands."""

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write the others as they should be."""
        super().write({path: data for path, data in files.items() if path != CHECKPOINT})
        if CHECKPOINT in files:
            (self.directory / CHECKPOINT).write_bytes(files[CHECKPOINT])
            self.settle()


STORES: Final = {
    store.__name__: store for store in (FileStore, NoSegmentSync, NoFileSync, CutFirst, NoSettling, InPlace)
}
