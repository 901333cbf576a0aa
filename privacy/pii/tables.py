"""Tables of detection: words, types and names, as TOML files beside the modules that read them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def table(name: str) -> dict[str, Any]:
    """The table ``<name>.toml`` of this package, such as ``recognisers/person``."""
    return tomllib.loads(files("privacy.pii").joinpath(f"{name}.toml").read_text("utf-8"))


def spelt(parts: str | Sequence[str], words: Mapping[str, Any]) -> str:
    """A pattern: its parts in one, with ``<name>`` replaced by the words of that name if there are any."""

    def word(found: re.Match[str]) -> str:
        return spelt(words[found[1]], words) if found[1] in words else found[0]

    return re.sub("<([a-z_]+)>", word, "".join(parts))
