"""The budgets of size: a file fits on a few screens, a function on one."""

import ast
import io
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("audit", "privacy", "policies", "service")
MAX_FILE = 300
MAX_FUNCTION = 40
MAX_SOURCE = 20_000  # docs/adr/0018-size.md
BANNED = {"utils", "helpers", "common", "core", "manager", "base", "misc", "handler"}

SOURCES = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))


def function_length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_FILE
    too_long = {
        node.name: function_length(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and function_length(node) > MAX_FUNCTION
    }
    assert too_long == {}


def test_names_say_what_is_inside() -> None:
    assert [p for p in SOURCES if p.stem in BANNED or BANNED & set(p.relative_to(ROOT).parts)] == []


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank lines, comments or docstrings."""
    text = path.read_text(encoding="utf-8")
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                docstrings |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    empty = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in empty:
            held |= set(range(token.start[0], token.end[0] + 1))
    return len(held - docstrings)


def test_the_whole_product_stays_readable() -> None:
    assert sum(code_lines(p) for p in SOURCES) <= MAX_SOURCE


def test_every_module_says_what_it_is_for() -> None:
    assert [p for p in SOURCES if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))] == []
