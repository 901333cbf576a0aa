"""Step two of the way in: identifiers out, pseudonyms in.

For each distinct person of the batch, in this order:

1. Every identifier is normalised. One that has no normal form rejects the row: ``invalid_<id type>``; where
   most have none, the batch is stopped (``service.usecases.drift``).
2. The suppression list is asked. A row of an erased person is refused: counted, nothing of it kept, nobody
   made.
3. The vault finds the subject by blind index, or makes one where the contract creates subjects. Otherwise
   the row is rejected: ``unknown_subject``, or ``identity_conflict`` when its identifiers belong to different
   people.

What is to be sealed is handed back beside the batch and sealed only for those who are admitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from privacy.pseudonym.blind_index import blind_index
from privacy.pseudonym.linkage import UNKNOWN
from privacy.pseudonym.normalise import IDENTIFYING, normalise
from privacy.pseudonym.suppression import suppression_tags
from service.domain.batches import PseudonymisedBatch, ScannedBatch
from service.domain.buckets import bucket_expr
from service.domain.contracts import Column, DatasetContract, Role
from service.ports import Deps
from service.usecases.drift import check_identifiers
from service.usecases.quarantine import reject

DOCUMENTS: Final[dict[str, tuple[str, ...]]] = {
    "identity": ("birth_date", "cn_resident_id", "name"),
    "contact": ("address", "email", "mobile"),
    "card": ("bank_card",),
}  # sealed document -> identifier types in it
MANY: Final = 500_000  # people kept between chunks


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The pseudonymised batch and what must not travel in it.

    Attributes:
        batch: rows with ``_subject``, ``_sp`` and ``_bucket``.
        suppressed: rows refused because their person was erased.
        identifiers: ``_subject`` and one String column per identifier type, in normal form but for the name,
            which is kept as it was given; one row per subject.
    """

    batch: PseudonymisedBatch
    suppressed: int
    identifiers: pl.DataFrame


@dataclass(slots=True)
class Acquainted:
    """People resolved in earlier chunks of a batch: to open their keys again costs more than the rest.

    In a rehearsal nobody is made: for who is not known yet a blind index stands, and no subject.
    """

    verdicts: pl.DataFrame | None = None
    rehearsal: bool = False

    def without(self, people: pl.DataFrame) -> pl.DataFrame:
        """Those not resolved yet."""
        if self.verdicts is None:
            return people
        return people.join(
            self.verdicts, on=people.columns, how="anti", nulls_equal=True, maintain_order="left"
        )

    def add(self, verdicts: pl.DataFrame) -> pl.DataFrame:
        """All that are known with these; at most ``MANY`` are kept for the next chunk."""
        known = verdicts if self.verdicts is None else pl.concat([self.verdicts, verdicts])
        self.verdicts = known if known.height <= MANY else None
        return known


def pseudonymise_batch(batch: ScannedBatch, deps: Deps, acquainted: Acquainted | None = None) -> Enrolment:
    """Replace the identifier columns. See the module for the rules.

    ``acquainted`` is shared by the chunks of a batch. Who is restricted or erased meanwhile is left out when
    the batch is committed.
    """
    contract = batch.contract
    columns = contract.with_role(Role.SUBJECT_ID, Role.DIRECT_IDENTIFIER)
    names = [column.name for column in columns]
    known = acquainted or Acquainted()
    new = known.without(batch.frame.select(names).unique(maintain_order=True))
    people = _resolve(new, contract, columns, deps, rehearsal=known.rehearsal)
    verdicts = known.add(people.select(*names, "_subject", "_sp", "rule", "column", "_suppressed"))
    rows = batch.frame.join(verdicts, on=names, how="left", nulls_equal=True, maintain_order="left")
    bad = rows.filter(pl.col("rule").is_not_null())
    good = rows.filter(pl.col("rule").is_null() & ~pl.col("_suppressed"))
    rejected = reject(bad, [c.name for c in contract.columns], deps.keyring.derive("row-tag"))
    frame = good.select(
        "_row", "_subject", "_sp", bucket_expr(deps.events.n_buckets), *(c.name for c in contract.stored)
    )
    return Enrolment(
        PseudonymisedBatch(batch.id, contract, frame, pl.concat([batch.rejected, rejected])),
        batch.frame.height - bad.height - good.height,
        _identifiers(people, columns) if contract.creates_subjects else pl.DataFrame({"_subject": []}),
    )


def seal_identifiers(identifiers: pl.DataFrame, admitted: pl.Series, deps: Deps) -> None:
    """Seal the identifiers of admitted subjects in the vault, one canonical JSON document per class."""
    present = identifiers.filter(pl.col("_subject").is_in(admitted.unique().implode()))
    documents: dict[str, dict[int, bytes]] = {}
    for data_class, id_types in DOCUMENTS.items():
        fields = [id_type for id_type in sorted(id_types) if id_type in identifiers.columns]
        if fields:
            known = present.filter(pl.any_horizontal(pl.col(fields).is_not_null()))
            text = pl.struct(fields).struct.json_encode().cast(pl.Binary)
            documents[data_class] = dict(known.select("_subject", text).iter_rows())
    if documents:
        deps.vault.seal_classes(documents)


def normal_form(column: Column) -> str:
    """Name of the column that holds the normalised identifiers of ``column``."""
    return f"_normal_{column.name}"


def is_suppressed(people: pl.DataFrame, columns: Sequence[tuple[str, str]], deps: Deps) -> pl.Series:
    """Whether any unique identifier of each row is on the suppression list.

    Args:
        people: normalised identifiers.
        columns: (column name, identifier type) of those to look at.
        deps: the service.
    """
    key = deps.keyring.derive("suppression")
    tags = people.select(
        suppression_tags(people[name], key, id_type).alias(name)
        for name, id_type in columns
        if id_type in IDENTIFYING  # many people share a name
    )
    wanted = pl.concat([tags[name].drop_nulls() for name in tags.columns]).unique()
    listed = pl.Series(sorted(deps.vault.suppressed(wanted.to_list())), dtype=pl.Binary)
    if listed.is_empty():
        return pl.repeat(value=False, n=people.height, eager=True)
    return tags.select(pl.any_horizontal(pl.all().is_in(listed.implode()).fill_null(value=False))).to_series()


def _resolve(
    people: pl.DataFrame, contract: DatasetContract, columns: Sequence[Column], deps: Deps, *, rehearsal: bool
) -> pl.DataFrame:
    """``people`` with normal forms and the verdict on each: ``_subject``, ``_sp``, ``rule``, ``column``."""
    people = people.with_columns(
        normalise(people[c.name], _id_type(c)).alias(normal_form(c)) for c in columns
    ).with_columns(_invalid(columns))
    for column in columns:
        check_identifiers(people[column.name], people[normal_form(column)], _id_type(column))
    people = people.with_columns(
        is_suppressed(people, [(normal_form(c), _id_type(c)) for c in columns], deps).alias("_suppressed")
    ).with_row_index("_person")
    sound = people.filter(pl.col("rule").is_null() & ~pl.col("_suppressed"))
    blind = sound.select(
        blind_index(sound[normal_form(c)], deps.keyring.index_key(_id_type(c))).alias(_id_type(c))
        for c in columns
        if c.links
    )
    create = contract.creates_subjects and not rehearsal
    found = deps.vault.resolve(blind, create=create).with_columns(sound["_person"])
    if rehearsal:
        made = found["problem"].eq_missing(UNKNOWN)
        stand_in = pl.when(made).then(blind[_id_type(contract.subject)]).otherwise("_sp")
        found = found.with_columns(problem=pl.when(~made).then("problem"), _sp=stand_in)
    problem = pl.coalesce("rule", "problem")
    where = pl.coalesce("column", pl.when(problem.is_not_null()).then(pl.lit(contract.subject.name)))
    return people.join(found, on="_person", how="left", maintain_order="left").with_columns(
        rule=problem, column=where
    )


def _invalid(columns: Sequence[Column]) -> tuple[pl.Expr, pl.Expr]:
    """``rule`` and ``column`` of the first identifier without a normal form, null when all have one."""
    cases = [
        (c, pl.col(normal_form(c)).is_null() & (pl.lit(c.required) | pl.col(c.name).is_not_null()))
        for c in columns
    ]
    rules = [pl.when(bad).then(pl.lit(f"invalid_{c.id_type}")) for c, bad in cases]
    names = [pl.when(bad).then(pl.lit(c.name)) for c, bad in cases]
    return pl.coalesce(rules).alias("rule"), pl.coalesce(names).alias("column")


def _identifiers(people: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
    """What is to be sealed; when a subject comes twice, the later row holds."""
    known = people.filter(pl.col("_subject").is_not_null() & pl.col("rule").is_null())
    kept = [(c.name if c.id_type == "name" else normal_form(c), _id_type(c)) for c in columns]
    normal = known.select("_subject", *(pl.col(name).alias(id_type) for name, id_type in kept))
    return normal.unique("_subject", keep="last", maintain_order=True)


def _id_type(column: Column) -> str:
    if column.id_type is None:
        raise ValueError("an identifier column has an identifier type")
    return column.id_type
