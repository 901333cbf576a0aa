"""Docs cannot drift: links resolve, every command and setting is documented, examples in docstrings run."""

import doctest
import importlib
import re
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from service.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "policies").glob("*.md")])
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_resolve(page: Path) -> None:
    broken = [
        target
        for target in _LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []


def commands() -> list[str]:
    """Every command of the command line, such as ``aggregate run``."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    found = []
    for name, command in root.commands.items():
        if isinstance(command, TyperGroup):
            found += [f"{name} {sub}" for sub in command.commands]
        else:
            found.append(name)
    return found


def test_every_command_is_documented_and_has_help() -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert [c for c in commands() if f"`fiduciary {c}" not in page] == []


def test_every_setting_is_documented() -> None:
    source = (ROOT / "service" / "settings.py").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert [s for s in set(re.findall(r"FIDUCIARY_[A-Z_]+[A-Z]", source)) if f"`{s}`" not in page] == []


def test_every_adr_is_in_the_index() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    assert [p.name for p in (ROOT / "docs" / "adr").glob("0*.md") if p.name not in index] == []


def test_threats_link_tests_that_exist() -> None:
    page = (ROOT / "docs" / "security" / "threat-model.md").read_text(encoding="utf-8")
    linked = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page)
    assert len(linked) >= 10
    missing = [
        f"{path}::{name}"
        for path, name in linked
        if not (ROOT / path).exists()
        or (name and f"def {name}" not in (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert missing == []


def test_examples_in_docstrings_run() -> None:
    attempted = 0
    for package in ("audit", "privacy", "policies", "service"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                result = doctest.testmod(importlib.import_module(name))
                assert result.failed == 0, name
                attempted += result.attempted
    assert attempted >= 3
