"""One view per customer: enrolments that were merged are read as one person, and no row is ever rewritten.

The person goes by the pseudonym of the enrolment they are called by (``service.domain.links``), so whatever
groups by pseudonym groups by person: profiles, scores, and the bounds of a release. Which row stands where a
table has one row per person: that of this enrolment, else that of the oldest one which has a row; measures,
which are amounts, add up. Undo a merge, and the next read is what it was before.
"""

from __future__ import annotations

import hashlib
from typing import Final

import polars as pl

from service.domain.contracts import DatasetContract, Role
from service.domain.links import LinkState, group, persons, standing
from service.ports import Deps

_ALIASES: Final = pl.Schema({"_sp": pl.Binary(), "_person": pl.Binary(), "_rank": pl.Int64()})


def parts(subject: int, deps: Deps) -> tuple[int, ...]:
    """All enrolments of the subject's person, itself first."""
    return group(subject, standing(deps.vault.links()))


def mains(deps: Deps) -> dict[int, int]:
    """Merged enrolments, each with the one its person is called by."""
    return persons(standing(deps.vault.links()))


def headcount(deps: Deps) -> int:
    """How many persons are in the vault."""
    merged = mains(deps)
    return deps.vault.pseudonyms().height - len(merged) + len(set(merged.values()))


def links_version(deps: Deps) -> str:
    """Changes with every merge and undo, and comes back when the same merges stand; empty for none."""
    ids = sorted(link.id for link in deps.vault.links() if link.state is LinkState.MERGED)
    return hashlib.sha256(" ".join(ids).encode()).hexdigest()[:16] if ids else ""


def as_one(rows: pl.LazyFrame, contract: DatasetContract | None, aliases: pl.DataFrame) -> pl.LazyFrame:
    """Rows of merged enrolments under their person's pseudonym; rows of others as they are.

    The stored ``_n`` is counted anew for them: a release bounds the person, not each enrolment. Of a derived
    table, which a ``contract`` does not describe, only what was computed for the person is left.
    """
    if aliases.is_empty():
        return rows
    others = rows.join(aliases.lazy(), on="_sp", how="anti")
    names = rows.collect_schema().names()
    theirs = rows.join(aliases.lazy(), on="_sp", how="inner")
    if contract is None:
        theirs = theirs.filter(pl.col("_sp") == pl.col("_person"))
    theirs = theirs.with_columns(_sp="_person")
    if contract is not None and contract.row_per_subject:
        theirs = _one_row(theirs, contract)
    elif contract is not None and contract.period is not None and "_n" in names:
        month = pl.col(contract.period.name).dt.month_start()
        theirs = theirs.with_columns(pl.len().over("_sp", month).cast(pl.Int64).alias("_n"))
    return pl.concat([others, theirs.select(names)])


def _one_row(rows: pl.LazyFrame, contract: DatasetContract) -> pl.LazyFrame:
    amounts = [c.name for c in contract.with_role(Role.MEASURE)]
    known = pl.col(amounts).is_not_null().any().over("_sp")
    total = pl.when(known).then(pl.col(amounts).sum().over("_sp"))
    return rows.with_columns(total).sort("_rank").unique("_sp", keep="first", maintain_order=True)


def aliases_of(deps: Deps) -> pl.DataFrame:
    """``_sp`` of each merged enrolment, ``_person`` that of its person, ``_rank`` by which its row stands."""
    merged = mains(deps)
    if not merged:
        return pl.DataFrame(schema=_ALIASES)
    keys = dict(deps.vault.pseudonyms(list(merged)).select("_subject", "_sp").iter_rows())
    rows = [
        (keys[part], keys[main], -1 if part == main else part)
        for part, main in merged.items()
        if part in keys and main in keys
    ]
    return pl.DataFrame(rows, schema=_ALIASES, orient="row")
