"""Tables about districts, not about people: what a public office or an industry body says of a place.

A table has a key column, a column ``population`` and further columns of numbers. It is refused when it could
describe a person: a row that stands for fewer than ``MIN_PEOPLE``, a column that is no number, an identifier
anywhere, a word of ``denied_features.yaml``. Licence and source are part of it. It is joined by the code of
the district to profiles, and to nothing else.
"""

from __future__ import annotations

import json
import re
from typing import Final

import polars as pl

from audit.canonical import digest
from privacy.pii.columns import undeclared
from service.domain.actors import Actor
from service.domain.contracts import Role
from service.errors import ContractError
from service.ports import Deps
from service.usecases.access import authorise
from service.usecases.datasets import check_words
from service.usecases.rows import rows_for_use
from service.usecases.tags import file_beside

MIN_PEOPLE: Final = 1000
MAX_ROWS: Final = 10_000
_POPULATION: Final = "population"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_NUMBER: Final = r"^-?(?:0|[1-9][0-9]{0,12})(?:\.[0-9]{1,6})?$"
_TEXT: Final = 200


def add_reference(
    name: str, data: bytes, *, key: str, licence: str, source: str, actor: Actor, deps: Deps
) -> pl.DataFrame:
    """Check a CSV file and keep it as ``<home>/reference/<name>.json``; the same name again replaces it.

    Returns:
        ``key`` String and the other columns as Float64.

    Raises:
        DeniedError: the actor lacks ``reference:add``.
        ContractError: it may say something of a person, or is no such table.
        StorageError: it cannot be written.
    """
    act = authorise(deps, actor, "reference:add", resource="reference")
    if not _NAME.fullmatch(name):
        raise ContractError("a reference table is named with a-z, 0-9 and _")
    for fact, text in (("licence", licence), ("source", source)):
        if not 0 < len(text.strip()) <= _TEXT or not text.isprintable():
            raise ContractError("say under which licence and from which source it comes", missing=fact)
    frame = check_districts(deps.connector.table(data), key)
    words = (("dataset", t) for t in (name, licence, source))
    check_words(name, (*((c, c) for c in frame.columns), *words), deps.policy.bundle.denied)
    document = {
        "name": name, "key": key, "licence": licence, "source": source,
        "added_at": deps.clock.now().isoformat(), "table": frame.to_dict(as_series=False),
    }  # fmt: skip
    content = json.dumps(document, ensure_ascii=False, sort_keys=True).encode()
    size = (("columns", frame.width), ("rows", frame.height))
    act.record(resource=f"reference/{name}", payload=digest(content), detail=size)
    file_beside(deps.home / "reference" / f"{name}.json", content)
    return frame


def check_districts(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """Refuse what could describe a person.

    Args:
        frame: columns of String.
        key: the column with the codes of districts.

    Returns:
        The key as String, the other columns as Float64.

    Raises:
        ContractError: names the column, never a value.
    """
    if not 0 < frame.height <= MAX_ROWS:
        raise ContractError("too few or too many districts", limit=MAX_ROWS, found=frame.height)
    for needed in (key, _POPULATION):
        if needed not in frame.columns or key == _POPULATION:
            raise ContractError("a district table has a key and a column population", at="/columns")
    if frame[key].null_count() or frame[key].n_unique() != frame.height:
        raise ContractError("a district comes once", column=key)
    found = undeclared(frame, frame.columns)
    if not found.is_empty():
        raise ContractError("an identifier: no table of districts", column=found["column"][0])
    numbers = [name for name in frame.columns if name != key]
    for place, name in enumerate(numbers):
        if not _NAME.fullmatch(name) or not frame[name].drop_nulls().str.contains(_NUMBER).all():
            raise ContractError("a column of a district table is a number with a name", position=place + 1)
    typed = frame.with_columns(pl.col(numbers).cast(pl.Float64))
    if (typed[_POPULATION].fill_null(0) < MIN_PEOPLE).any():
        raise ContractError("a row stands for too few people", column=_POPULATION, limit=MIN_PEOPLE)
    return typed


def district_features(deps: Deps) -> pl.DataFrame:
    """What is known of each customer's district: ``_sp`` and ``district_<table>_<column>``, null if none."""
    with deps.ops() as tx:
        contract = tx.datasets.get("customers")
    place = contract.with_role(Role.DISTRICT) if contract else ()
    if not place:
        return pl.DataFrame(schema={"_sp": pl.Binary})
    frame = rows_for_use("customers", deps).select("_sp", _district=place[0].name).collect()
    for path in sorted((deps.home / "reference").glob("*.json")):
        document = json.loads(path.read_bytes())
        prefix = f"district_{path.stem}_"
        table = pl.DataFrame(document["table"]).select(pl.all().name.prefix(prefix))
        code = prefix + document["key"]
        frame = frame.join(table, left_on="_district", right_on=code, how="left", maintain_order="left")
    return frame.drop("_district")
