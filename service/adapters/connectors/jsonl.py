"""Read JSON Lines (one object per line) without losing a row.

A line that is no JSON object is ``not_json``, one that gives a column twice is ``duplicate_key``. Scalars
are taken by their text and then typed like any field, so ``12`` and ``"12"`` are the same integer. A key
the contract does not know refuses the whole file, as an unknown column does; so does a required key that no
line has.
"""

from __future__ import annotations

import io
import json
from typing import Final

import polars as pl

from service.adapters.connectors.encodings import decode_text
from service.adapters.connectors.rows import reject, type_rows
from service.adapters.connectors.source import check_columns, text_lines
from service.domain.contracts import DatasetContract
from service.errors import ContractError

_ROW: Final = "_row"
_FEW: Final = 256


def read_jsonl(
    data: bytes, contract: DatasetContract, *, encoding: str = ""
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Typed and rejected rows of the file. Raises ContractError for the file as a whole."""
    lines = pl.Series("line", text_lines(decode_text(data, encoding).text), dtype=pl.String)
    names = [c.name for c in contract.columns]
    uses = pl.select(lines.str.count_matches(rf'"{name}"\s*:').alias(name) for name in names)
    rule = (
        pl.when(~lines.str.contains(r"^\s*\{[\s\S]*\}\s*$"))
        .then(pl.lit("not_json"))
        .when(uses.select(pl.any_horizontal(pl.all() > 1)).to_series())
        .then(pl.lit("duplicate_key"))
    )
    rows = pl.select(
        pl.int_range(1, len(lines) + 1, dtype=pl.UInt32).alias(_ROW), lines.alias("line"), rule.alias("rule")
    )
    good, keys = _decode(rows.filter(pl.col("rule").is_null()), names)
    if good.is_empty():
        raise ContractError("no line is a JSON object")
    present = [c.name for c in contract.columns if not c.required or int(uses[c.name].sum() or 0) > 0]
    check_columns([*present, *sorted(keys - set(names))], contract)
    typed, rejected = type_rows(good, contract)
    rest = rows.join(good.select(_ROW), on=_ROW, how="anti").with_columns(
        pl.col("rule").fill_null("not_json"), column=pl.lit("")
    )
    return typed, pl.concat([reject(rest), rejected]).sort(_ROW)


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
        elif block.height <= _FEW and (whole := [_is_object(line) for line in block["line"]]) != [True] * len(
            block
        ):
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
