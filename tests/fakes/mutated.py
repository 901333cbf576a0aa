"""A real module with one piece of its source exchanged, so that the broken variant stays in step with it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

Check = Callable[[ModuleType, Path], None]
Mutant = tuple[str, ModuleType, str, str, Check]  # name, module, source, what stands there instead, check
_NAME = "mutant"


@contextmanager
def mutated(module: ModuleType, old: str, new: str, folder: Path) -> Iterator[ModuleType]:
    """The module with ``new`` in the place of ``old``; its source is written to ``folder``."""
    assert module.__file__ is not None
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert source.count(old) == 1, "the mutant no longer fits the module"
    path = folder / f"{_NAME}.py"
    path.write_text(source.replace(old, new), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(_NAME, path)
    assert spec is not None
    assert spec.loader is not None
    mutant = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = mutant  # dataclasses look their module up
    try:
        spec.loader.exec_module(mutant)
        yield mutant
    finally:
        del sys.modules[_NAME]
