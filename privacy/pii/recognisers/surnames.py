"""Chinese surnames, and words that begin with a surname character but name nobody: ``surnames.toml``."""

from __future__ import annotations

from typing import Final

from privacy.pii.tables import table

_TABLE: Final = table("recognisers/surnames")
SURNAMES: Final = "".join(_TABLE["surnames"])
NOT_GIVEN: Final = "".join(_TABLE["not_given"])
COMPOUND: Final[tuple[str, ...]] = tuple(_TABLE["compound"].split())
NOT_NAMES: Final[tuple[str, ...]] = tuple(_TABLE["not_names"].split())
