"""What an error means and what to do next, in plain English and Chinese, by error code: ``messages.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path


def message(code: str, language: str) -> tuple[str, str]:
    """(what happened, what to do next) for an error code."""
    texts = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    what, then = texts[code][language]
    return what, then
