"""What a reason code means, in words for the customer, in Chinese and English (``reasons.toml``).

The wording names the behaviour that cost points and never blames a group.  # PIPL 24(3)
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from service.errors import UnknownError

Language = Literal["zh", "en"]

REASONS: Final[Mapping[str, Mapping[Language, str]]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text("utf-8")
)


def reason_text(code: str, language: Language) -> str:
    """The wording of a code. Raises UnknownError: an unexplained score may not be shown."""
    if code not in REASONS:
        raise UnknownError("unknown reason code", code=code)
    return REASONS[code][language]
