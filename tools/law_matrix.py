"""Write docs/reference/law-to-code.md: every clause of policies/jurisdictions and the code tagged with it.

A tag is a comment such as ``# PIPL 47(1)`` on the line that does what the clause asks. ``--check`` exits 5
when the page is out of date, and 6 when a clause has no code.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "law-to-code.md"
_TAG = re.compile(r"\b(PIPL|GDPR|AML) (\d+(?:\(\d+\))?(?:\([a-z]\))?)")


def clauses() -> dict[str, str]:
    """Clause to what it asks, from the jurisdiction files."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "policies" / "jurisdictions").glob("*.yaml")):
        found |= yaml.safe_load(path.read_text(encoding="utf-8"))["clauses"]
    return found


def tags() -> dict[str, list[str]]:
    """Clause to the places in code and policy data that carry it; a place is file and line."""
    places: dict[str, list[str]] = defaultdict(list)
    files = [p for d in ("audit", "privacy", "policies", "service") for p in sorted((ROOT / d).rglob("*"))]
    for path in files:
        if path.suffix not in {".py", ".yaml"} or "jurisdictions" in path.parts:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            if "#" not in line and not line.strip().startswith("law:"):
                continue
            comment = line.partition("#")[2] if "#" in line else line
            for law, number in _TAG.findall(_expanded(comment)):
                place = path.relative_to(ROOT).as_posix()
                if place not in places[f"{law} {number}"]:
                    places[f"{law} {number}"].append(place)
    return places


def _expanded(comment: str) -> str:
    """``GDPR 15, 17`` and ``GDPR 21 and 22`` become one tag each."""
    text = re.sub(r"\b(PIPL|GDPR) (\d+(?:\(\d+\))?)(?:,| and) (?=\d)", r"\1 \2; \1 ", comment)
    return text if text == comment else _expanded(text)


def render() -> tuple[str, list[str]]:
    """The page, and the clauses that have no code."""
    places = tags()
    lines = [
        "# Law to code",
        "",
        "Made by `tools/law_matrix.py` from the clauses in `policies/jurisdictions/` and the tags in code.",
        "A clause without code fails the build.",
        "",
        "| clause | what it asks | where |",
        "|---|---|---|",
    ]
    missing = []
    for clause, text in clauses().items():
        where = [
            p for tag, found in places.items() if tag == clause or tag.startswith(f"{clause}(") for p in found
        ]
        if not where:
            missing.append(clause)
        cells = ", ".join(f"[{p}](../../{p})" for p in dict.fromkeys(where)) or "**none**"
        lines.append(f"| {clause} | {text} | {cells} |")
    return "\n".join(lines) + "\n", missing


def main() -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    page, missing = render()
    if missing:
        print("no code for:", ", ".join(missing))
        return 6
    if check:
        return 0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page else 5
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
