"""Where personal data is: in lines of text, and in the columns of a table with a draft of its contract.

Nothing stored is touched, so no token is asked for: who runs this reads a file that they hold already.

The draft says what a sample can tell. What only people know stands as ``ANSWER THIS`` in it: purposes,
retention, public keys and numeric bounds (never learnt from data), units.
``service.domain.odcs.parse_contract`` takes it as it is, but no policy knows a purpose called ``todo``.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any, Final

import polars as pl

from privacy.errors import ModelAlteredError, ModelMissingError
from privacy.pii.classify import ColumnClass, classify
from privacy.pii.detect import PROFILES, Detector, build_detector
from service.domain.odcs import MAX_COLUMNS, parse_contract
from service.errors import ConflictError, ContractError, UsageError

_BATCH: Final = 256
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")
_OPEN: Final = "ANSWER THIS"


def open_detector(profile: str) -> Detector:
    """The detector of a profile.

    Raises:
        UsageError: there is no such profile, or its models are not installed.
        ConflictError: a model file is not the one that was pinned.
    """
    for known in PROFILES:
        if known == profile:
            try:
                return build_detector(profile=known)
            except ModelMissingError as error:
                raise UsageError(
                    "this profile needs the extra `accurate`: make accurate", missing=error.name
                ) from None
            except ModelAlteredError as error:
                raise ConflictError("a model file is not the one that was pinned", file=error.name) from None
    raise UsageError("there is no such profile", use=", ".join(PROFILES))


def scan_lines(lines: Iterable[bytes], detector: Detector) -> Iterator[dict[str, Any]]:
    """For each line of a JSON lines file its number and the spans found in ``text``.

    Yields:
        ``line``, ``spans``: half-open offsets in code points of the text, type, score and rule.

    Raises:
        UsageError: a line is no JSON object with a text; lines before it have been answered.
    """
    numbered = ((number, _text(line, number)) for number, line in enumerate(lines, 1) if line.strip())
    while batch := list(islice(numbered, _BATCH)):
        found = detector.detect_batch([text for _, text in batch])
        for (number, _), spans in zip(batch, found, strict=True):
            yield {"line": number, "spans": [asdict(span) for span in spans]}


def _text(line: bytes, number: int) -> str:
    try:
        text = json.loads(line)["text"]
    except (ValueError, KeyError, TypeError, RecursionError):
        text = None
    if not isinstance(text, str):
        raise UsageError("a line must be a JSON object with a string `text`", line=number)
    return text


def classify_csv(data: bytes) -> tuple[ColumnClass, ...]:
    """The class of each column of a CSV file. Raises ContractError."""
    return classify(read_table(data))


def read_table(data: bytes) -> pl.DataFrame:
    """A CSV file in UTF-8 or GB 18030, every column as String.

    Raises:
        ContractError: it is no such file.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            raise ContractError("the file is neither UTF-8 nor GB 18030") from None
    try:
        frame = pl.read_csv(io.StringIO(text), infer_schema=False)
    except pl.exceptions.PolarsError:
        raise ContractError("the file is no CSV with a header and rows of one length") from None
    if not 0 < frame.width <= MAX_COLUMNS:
        raise ContractError("too few or too many columns", limit=MAX_COLUMNS, found=frame.width)
    return frame


def draft_contract(columns: Sequence[ColumnClass], name: str) -> dict[str, object]:
    """A draft contract for the columns.

    Raises:
        ContractError: these columns make no contract, such as identifiers alone.
    """
    table = _identifier(name, "table")
    if not any(c.role == "subject_id" for c in columns):
        raise ContractError("no column identifies a person by a known type of identifier", table=table)
    document: dict[str, object] = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"urn:fiduciary:dataset:{table}",
        "name": table,
        "version": "0.1.0",
        "status": "draft",
        "description": {"purpose": f"{_OPEN}: say what the table is; answer every {_OPEN} below."},
        "schema": [{"name": table, "properties": _properties(columns)}],
        "customProperties": _facts(
            purposes=["todo"], retentionClass="todo", createsSubjects=False, rowPerSubject=False
        ),
    }
    parse_contract(document)
    return document


def _properties(columns: Sequence[ColumnClass]) -> list[dict[str, object]]:
    used: set[str] = set()
    properties: list[dict[str, object]] = []
    for index, column in enumerate(columns, 1):
        name = _identifier(column.name, f"column_{index}")
        name = name if name not in used else f"column_{index}"
        used.add(name)
        properties.append(_property(column, name))
    return properties


def _property(column: ColumnClass, name: str) -> dict[str, object]:
    facts: dict[str, object] = {"role": column.role, "dataClass": column.data_class}
    todo = ["check the class"]
    if column.role in {"subject_id", "direct_identifier"}:
        facts |= {"idType": column.id_type, "links": column.id_type != "name"}
    elif column.role == "category":
        facts |= {"keys": [_OPEN]}
        todo.append("declare the public key set")
    elif column.role == "measure":
        facts |= {"lower": 0, "upper": 1, "unit": _OPEN}
        todo.append("declare bounds and unit, an integer of minor units")
    elif column.type == "UNKNOWN":
        todo.append("nothing was recognised: say what it is")
    if name != column.name:
        todo.append("rename the column in the file")
    return {
        "name": name,
        "businessName": column.name,
        "logicalType": {"measure": "integer", "event_time": "date"}.get(column.role, "string"),
        "required": column.role == "subject_id",
        "description": f"{_OPEN}: {'; '.join(todo)} (found: {column.type}, {column.confidence:.2f})",
        "customProperties": _facts(**facts),
    }


def _identifier(name: str, otherwise: str) -> str:
    """The name in the form that contracts have, if it has any letter that they know."""
    plain = _NOT_IN_NAMES.sub("_", name.lower()).strip("_")[:60]
    return plain if re.fullmatch(r"[a-z][a-z0-9_]*", plain) and name.isascii() else otherwise


def _facts(**facts: object) -> list[dict[str, object]]:
    return [{"property": name, "value": value} for name, value in facts.items()]
