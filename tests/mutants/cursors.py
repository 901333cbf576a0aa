"""A cursor table with a seeded bug."""

from __future__ import annotations

from service.adapters.sql.sources import SqlCursors


class Hasty(SqlCursors):
    """Begins a newer batch over a pending one: the rows of the pending one are never taken in."""

    def begin(self, source: str, dataset: str, upto: str) -> None:
        """Overwrite whatever is pending."""
        self._save(source, dataset, {"pending": upto}, when=("", self.get(source, dataset).pending))
