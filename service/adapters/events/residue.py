"""The independent judge of an erasure: it trusts no table, only the bytes on disk.

Every Parquet file below the directory is opened, named by a table or not, checkpoints too: Binary columns
are compared with the pseudonyms, String columns are searched for them in hex. Every other file (logs,
locks, files that a killed writer left) is searched for the raw bytes and the hex form. A Parquet file that
cannot be opened may hold anything, so it counts as residue. This module knows nothing of Delta and shares
no code with the eraser.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl


def residue(directory: Path, pseudonyms: Sequence[bytes]) -> tuple[str, ...]:
    """Paths, relative to ``directory``, of the files that still hold one of the pseudonyms, sorted."""
    if not pseudonyms:
        return ()
    wanted = sorted(set(pseudonyms))
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return tuple(str(path.relative_to(directory)) for path in files if _holds(path, wanted))


def _holds(path: Path, pseudonyms: Sequence[bytes]) -> bool:
    raw = _in_bytes(path.read_bytes(), pseudonyms)
    return raw or (path.suffix == ".parquet" and _in_parquet(path, pseudonyms))


def _in_bytes(data: bytes, pseudonyms: Sequence[bytes]) -> bool:
    lower = data.lower()
    return any(value in data or value.hex().encode() in lower for value in pseudonyms)


def _in_parquet(path: Path, pseudonyms: Sequence[bytes]) -> bool:
    try:
        frame = pl.read_parquet(path, hive_partitioning=False, glob=False)
    except (pl.exceptions.PolarsError, OSError):
        return True
    hexes = [value.hex() for value in pseudonyms]
    return any(_in_column(column, pseudonyms, hexes) for column in flat_columns(frame))


def flat_columns(frame: pl.DataFrame) -> list[pl.Series]:
    """The columns, with structs taken apart, lists and arrays (as in checkpoints) spread out."""
    columns: list[pl.Series] = []
    todo = frame.get_columns()
    while todo:
        column = todo.pop()
        if isinstance(column.dtype, pl.Struct):
            todo.extend(column.struct.unnest().get_columns())
        elif isinstance(column.dtype, pl.List | pl.Array):
            todo.append(column.explode())
        else:
            columns.append(column)
    return columns


def _in_column(column: pl.Series, pseudonyms: Sequence[bytes], hexes: Sequence[str]) -> bool:
    if column.dtype == pl.Binary:
        return bool(column.is_in(pl.Series(pseudonyms, dtype=pl.Binary).implode()).any())
    if column.dtype == pl.String:
        return bool(column.str.contains_any(list(hexes), ascii_case_insensitive=True).any())
    return False
