"""Where personal data is: in lines of text, and in the columns of a table with a draft of its contract.

The command line touches nothing stored and asks for no token: who runs it reads a file that they hold
already. Over HTTP the service reads for someone else, so that needs a permission and is logged, with counts.

The draft says what a sample can tell. What only people know stands as ``ANSWER THIS`` in it: purposes,
retention, public keys and numeric bounds (never learnt from data), units.
``service.domain.odcs.parse_contract`` takes it as it is, but no policy knows a purpose called ``todo``.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

from privacy.errors import ModelAlteredError, ModelMissingError
from privacy.pii.classify import ColumnClass, classify
from privacy.pii.detect import MAX_TEXT, PROFILES, Detector, build_detector
from privacy.pii.models import ModelFiles, from_manifest
from service.domain.actors import Actor
from service.domain.contracts import TextProfile
from service.domain.odcs import parse_contract
from service.errors import ConflictError, ContractError, UsageError
from service.ports import Connector, Deps
from service.usecases.access import authorise

Block = list[tuple[int, str | None]]  # number of the line and its text, None without one
Spans = list[dict[str, Any]]
_BATCH: Final = 1024
MAX_TEXTS: Final = 1000
_MISSING: Final = {
    "accurate": "this profile needs the extra `accurate`: make accurate",
    "presidio": "this profile needs a spaCy model by path and the digests of its files: --model, --manifest",
}
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")
_OPEN: Final = "ANSWER THIS"


class Engine(NamedTuple):
    """Which detector: its profile, and the operator's model where the profile needs one."""

    profile: str
    model: Path | None = None
    manifest: Path | None = None


def best_profile() -> str:
    """``accurate`` where its models are installed, else ``fast``."""
    try:
        open_detector(Engine("accurate"))
    except UsageError:
        return "fast"
    return "accurate"


@cache
def open_detector(engine: Engine) -> Detector:
    """The detector of a profile, made once in a process.

    Raises:
        UsageError: there is no such profile, or its models are not installed.
        ConflictError: a model file is not the one that was pinned.
    """
    for known in PROFILES:
        if known == engine.profile:
            try:
                return build_detector(profile=known, model=_model(engine))
            except ModelMissingError as error:
                raise UsageError(_MISSING.get(known, _MISSING["accurate"]), missing=error.name) from None
            except ModelAlteredError as error:
                raise ConflictError("a model file is not the one that was pinned", file=error.name) from None
    raise UsageError("there is no such profile", use=", ".join(PROFILES))


def _model(engine: Engine) -> ModelFiles | None:
    if engine.model is None or engine.manifest is None:
        return None
    try:
        return from_manifest(engine.model, engine.manifest.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        raise UsageError("the manifest cannot be read", file=engine.manifest.name) from None


def scan_lines(lines: Iterable[bytes], engine: Engine, workers: int = 1) -> Iterator[dict[str, Any]]:
    """For each line of a JSON lines file its number and the spans found in ``text``, in order.

    Further keys, such as ``lang``, are allowed and change nothing: what a text is written in is seen in it.
    With several workers each is a process with a detector of its own; at most two blocks of lines for each
    are under way, so memory does not grow with the file.

    Yields:
        ``line``, ``spans``: half-open offsets in code points of the text, type, score and rule.

    Raises:
        UsageError: a line is no JSON object with a text; lines before it have been answered.
    """
    if workers == 1:
        for block in _blocks(lines):
            yield from _answers(block, _found(engine, block))
        return
    under_way: deque[tuple[Block, Future[list[Spans]]]] = deque()
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for block in _blocks(lines):
            under_way.append((block, pool.submit(_found, engine, block)))
            if len(under_way) >= 2 * workers:
                done, future = under_way.popleft()
                yield from _answers(done, future.result())
        for done, future in under_way:
            yield from _answers(done, future.result())


def _found(engine: Engine, block: Block) -> list[Spans]:
    texts = [text or "" for _, text in block]
    return [[asdict(span) for span in spans] for spans in open_detector(engine).detect_batch(texts)]


def _answers(block: Block, found: list[Spans]) -> Iterator[dict[str, Any]]:
    """Raises UsageError at a line without a text."""
    for (number, text), spans in zip(block, found, strict=True):
        if text is None:
            raise UsageError("a line must be a JSON object with a string `text`", line=number)
        yield {"line": number, "spans": spans}


def _blocks(lines: Iterable[bytes]) -> Iterator[Block]:
    texts = ((number, _text(line)) for number, line in enumerate(lines, 1) if line.strip())
    while block := list(islice(texts, _BATCH)):
        yield block


def _text(line: bytes) -> str | None:
    """The text of a JSON line, None when it has none."""
    try:
        text = json.loads(line)["text"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return text if isinstance(text, str) else None


def scan_texts(texts: Sequence[str], *, actor: Actor, deps: Deps) -> list[Spans]:
    """Spans of each text. The access is logged with counts; no text is.

    Raises:
        DeniedError: the actor may not scan.
        UsageError: too many texts, or one is too long.
    """
    act = authorise(deps, actor, "pii:scan", resource="texts", data_class="C2")
    if len(texts) > MAX_TEXTS or any(len(text) > MAX_TEXT for text in texts):
        raise UsageError("too many texts, or one is too long", texts=MAX_TEXTS, characters=MAX_TEXT)
    found = deps.detector(TextProfile.FAST).detect_batch(texts)
    detail = (("spans", sum(map(len, found))), ("texts", len(texts)))
    act.record(detail=detail)
    return [[asdict(span) for span in spans] for spans in found]


def classify_table(data: bytes, *, actor: Actor, deps: Deps, suffix: str = ".csv") -> tuple[ColumnClass, ...]:
    """The class of each column of a file. The access is logged with counts; no value is.

    Raises:
        DeniedError: the actor may not classify.
        ContractError: it is no such file.
    """
    act = authorise(deps, actor, "pii:classify", resource="table", data_class="C2")
    columns = classify_file(data, suffix, deps.connector)
    act.record(detail=(("columns", len(columns)),))
    return columns


def classify_file(data: bytes, suffix: str, connector: Connector) -> tuple[ColumnClass, ...]:
    """The class of each column of a CSV, TSV, Parquet or XLSX file. Raises ContractError."""
    return classify(connector.table(data, suffix))


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
