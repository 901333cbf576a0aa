"""What a command prints: one JSON document with ``--json``, otherwise words and tables; errors on stderr."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from service.cli.context import SESSION, Progress
from service.errors import FiduciaryError, StorageError

_TWENTIETH: Final = 5  # percent
Pace = Callable[[int], str]  # of percent


def emit(value: object, text: str = "", *, as_json: bool | None = None) -> None:
    """Print a result: the JSON value, or the text for people; as the session says, unless told."""
    asked = SESSION.as_json if as_json is None else as_json
    line = json.dumps(value, ensure_ascii=False, default=str) if asked else text.rstrip("\n")
    try:
        sys.stdout.write(f"{line}\n" if line else "")
        sys.stdout.flush()  # here, where a full disk can still be reported
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever reads has seen enough
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the flush at exit is to succeed
        why = error.strerror or ""
        raise StorageError("the output cannot be written; the command itself is done", cause=why) from None


def pick(row: object, *names: str) -> dict[str, object]:
    """Some attributes of an object, in this order."""
    return {name: getattr(row, name) for name in names}


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain table: numbers right-aligned, everything else left."""
    from rich.console import Console
    from rich.table import Table

    grid = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        grid.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(f"{v:,}" if isinstance(v, int) else str(v) for v in row))
    text = io.StringIO()
    Console(file=text, width=None if sys.stdout.isatty() else 120).print(grid)
    return text.getvalue()


def message(code: str, language: str) -> tuple[str, str]:
    """What happened and what to do next, for an error code, in plain words: ``messages.toml``."""
    texts = tomllib.loads(Path(__file__).with_name("messages.toml").read_text("utf-8"))
    what, then = texts[code][language]
    return what, then


def fail(error: FiduciaryError) -> int:
    """Say what went wrong and what to do next; returns the exit code."""
    what, then = message(error.code, SESSION.language)
    if SESSION.as_json:
        body: Mapping[str, object] = {
            "error": error.code, "reason": error.reason, "fields": dict(error.fields), "next": then,
        }  # fmt: skip
        sys.stderr.write(json.dumps(body, ensure_ascii=False) + "\n")
    else:
        fields = "".join(f"\n  {key}: {value}" for key, value in error.fields.items())
        sys.stderr.write(f"{what}: {error.reason}{fields}\n-> {then}\n")
    return error.exit_code


def _plain_lines(title: str, pace: Pace) -> Progress:
    """A line at the start and at every twentieth of the way: enough for a log file."""
    told = -_TWENTIETH

    def tell(step: str, percent: int) -> None:
        nonlocal told
        if percent - told >= _TWENTIETH or percent == 100:  # noqa: PLR2004 - done
            told = percent
            sys.stderr.write(f"[{percent:3d} %] {title}: {step}{pace(percent)}\n")
            sys.stderr.flush()

    return tell


def _pace(size: int) -> Pace:
    """Rate and remaining time in words, from the bytes to go through; nothing when none are to count."""
    started = time.monotonic()

    def pace(percent: int) -> str:
        elapsed = time.monotonic() - started
        if not size or not 0 < percent < 100 or elapsed < 1:  # noqa: PLR2004 - done
            return ""
        rate = size * percent / 100 / elapsed / 1e6
        return f", {rate:.1f} MB/s, about {elapsed * (100 - percent) / percent:.0f} s left"

    return pace


@contextmanager
def progress_bar(title: str, *, quiet: bool | None = None, size: int = 0) -> Iterator[Progress]:
    """A progress bar on stderr; plain lines where no terminal is; silent when quiet (else with ``--json``).

    ``size`` in bytes, of what there is to go through, adds the rate and the remaining time.
    """
    if SESSION.as_json if quiet is None else quiet:
        yield lambda _step, _percent: None
        return
    pace = _pace(size)
    if not sys.stderr.isatty():
        yield _plain_lines(title, pace)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    percent = TextColumn("{task.percentage:>3.0f} %")
    columns = (TextColumn("{task.description}"), BarColumn(), percent, TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=100)
        yield lambda step, at: bar.update(task, description=f"{title}: {step}{pace(at)}", completed=at)
