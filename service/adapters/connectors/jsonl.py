"""Read JSON Lines (one object per line) without losing a row.

A line that is no JSON object is ``not_json``, one that gives a column twice is ``duplicate_key``. Scalars
are taken by their text and then typed like any field, so ``12`` and ``"12"`` are the same integer. A key
the contract does not know refuses the whole file, as an unknown column does; so does a required key that no
line has.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Final

import polars as pl

from service.adapters.connectors.rows import type_rows
from service.adapters.connectors.source import check_columns, line_blocks
from service.domain.batches import rejected
from service.domain.contracts import DatasetContract
from service.errors import ContractError

_ROW: Final = "_row"
_FEW: Final = 256


def read_jsonl(
    texts: Iterable[str], contract: DatasetContract
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Typed and rejected rows of the text, block by block. Raises ContractError for the file as a whole."""
    names = [c.name for c in contract.columns]
    seen: set[str] = set()  # columns that some line has
    objects = row = 0
    for block in line_blocks(texts):
        lines = pl.Series("line", block, dtype=pl.String)
        uses = pl.select(lines.str.count_matches(rf'"{name}"\s*:').alias(name) for name in names)
        rows = _rows(lines, uses, row + 1)
        row += rows.height
        good, keys = _decode(rows.filter(pl.col("rule").is_null()), names)
        check_columns([*names, *sorted(keys - set(names))], contract)
        seen |= {name for name in names if int(uses[name].sum() or 0)}
        objects += good.height
        rest = rows.join(good.select(_ROW), on=_ROW, how="anti")
        rest = rest.with_columns(pl.col("rule").fill_null("not_json"), column=pl.lit(""))
        yield type_rows(good, contract, rejected(rest))
    if not objects:
        raise ContractError("no line is a JSON object")
    check_columns([c.name for c in contract.columns if not c.required or c.name in seen], contract)


def _rows(lines: pl.Series, uses: pl.DataFrame, first: int) -> pl.DataFrame:
    """Row number, line and, where it can be seen from outside, the rule it breaks."""
    rule = (
        pl.when(~lines.str.contains(r"^\s*\{[\s\S]*\}\s*$"))
        .then(pl.lit("not_json"))
        .when(uses.select(pl.any_horizontal(pl.all() > 1)).to_series())
        .then(pl.lit("duplicate_key"))
    )
    number = pl.int_range(first, first + len(lines), dtype=pl.UInt32).alias(_ROW)
    return pl.select(number, lines.alias("line"), rule.alias("rule"))


def _decode(rows: pl.DataFrame, names: list[str]) -> tuple[pl.DataFrame, frozenset[str]]:
    """The rows that are JSON objects, fields as String, and all keys seen.

    All lines are decoded at once. Only a block with a bad line in it is halved and tried again, down to a few
    lines that are looked at one by one: the cost of good lines stays that of the block.
    """
    pending, decoded, keys = [rows], [], frozenset[str]()
    while pending:
        block = pending.pop()
        fields = _decode_block(block, names)
        if fields is not None:
            decoded.append(fields.select(_ROW, *names))
            keys |= set(fields.columns) - {_ROW}
        elif block.height <= _FEW and not all(whole := [_is_object(line) for line in block["line"]]):
            pending.append(block.filter(pl.Series(whole, dtype=pl.Boolean)))
        elif block.height > 1:
            half = block.height // 2
            pending += [block[half:], block[:half]]
    empty = pl.DataFrame(schema={_ROW: pl.UInt32(), **dict.fromkeys(names, pl.String())})
    return pl.concat([empty, *decoded]), keys


def _decode_block(block: pl.DataFrame, names: list[str]) -> pl.DataFrame | None:
    """All lines decoded, or None when one of them is not a JSON object."""
    first = json.dumps(dict.fromkeys(names, ""))  # gives every column a place and a text type
    body = "\n".join([first, *block["line"].to_list()]).encode()
    try:
        fields = pl.read_ndjson(
            io.BytesIO(body), infer_schema_length=None, schema_overrides=dict.fromkeys(names, pl.String())
        )
    except (pl.exceptions.PolarsError, OSError):
        return None
    if fields.height != block.height + 1:
        return None
    return fields[1:].with_columns(block[_ROW])


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line, parse_constant=_refuse), dict)
    except (ValueError, RecursionError):
        return False


def _refuse(_constant: str) -> None:
    """NaN and Infinity are not JSON."""
    raise ValueError
