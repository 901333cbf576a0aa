"""Consent records in, and withdrawals, effective at once.

A file of consent records has the columns ``resident_id``, ``purpose``, ``kind``, ``given_at``,
``valid_until``, ``withdrawn_at`` and ``notice``; times are ISO 8601 in UTC, empty for none. The file is
held against a contract like any other. A bad row is counted with its rule and changes nothing else:

``invalid_cn_resident_id``  the resident id does not check
``unknown_category``        unknown purpose or kind of consent
``not_utc_time``            not an ISO 8601 time in UTC
``times_out_of_order``      ends or is withdrawn before it was given
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from privacy.pseudonym.blind_index import blind_index
from privacy.pseudonym.normalise import normalise
from service.domain.actors import Actor
from service.domain.consents import ConsentKind
from service.domain.contracts import Column, DatasetContract, Kind, Role
from service.errors import UnknownError
from service.ports import Deps
from service.usecases.access import authorise
from service.usecases.audience import normal_identifier, subject_with
from service.usecases.enrolment import is_suppressed
from service.usecases.persons import parts

_ID: Final = "cn_resident_id"
_TIMES: Final = ("given_at", "valid_until", "withdrawn_at")
_UTC: Final = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|\+00:00)$"


@dataclass(frozen=True, slots=True)
class ConsentCounts:
    """Rows in = added + known + refused + rejected, always; ``reasons`` counts the last two."""

    rows: int
    added: int
    known: int
    refused: int
    rejected: int
    reasons: Mapping[str, int]

    def __post_init__(self) -> None:
        """Refuse counts that lose a row."""
        if self.rows != self.added + self.known + self.refused + self.rejected:
            raise ValueError("rows in must equal added + known + refused + rejected")


def import_consents(path: Path, *, actor: Actor, deps: Deps, encoding: str = "") -> ConsentCounts:
    """Import a file of consent records; a record seen before is not repeated.

    ``encoding`` names that of the file when its bytes alone do not tell.

    Raises:
        DeniedError: the actor lacks ``consent:import``.
        ContractError: the file has other columns or another encoding.
    """
    act = authorise(deps, actor, "consent:import")
    contract = consent_contract(deps.policy.bundle.purposes)
    chunks = list(deps.connector.open(path, encoding=encoding).chunks(contract))
    frame, unread = (pl.concat(getattr(c, part) for c in chunks) for part in ("frame", "rejected"))
    rows = parse_times(frame)
    people = rows.select("_row", "rule", id=normalise(rows["resident_id"], _ID))
    people = people.with_columns(is_suppressed(people, [("id", _ID)], deps).alias("suppressed"))
    rule = pl.coalesce("rule", pl.when(pl.col("id").is_null()).then(pl.lit(f"invalid_{_ID}")))
    rows = rows.with_columns(people["id"], people["suppressed"], people.select(rule).to_series())
    good = rows.filter(pl.col("rule").is_null() & ~pl.col("suppressed"))
    records = _records(good, deps)
    rules = pl.concat([unread["rule"], rows["rule"].drop_nulls()]).value_counts().iter_rows()
    refused = rows.filter(pl.col("rule").is_null() & pl.col("suppressed")).height
    with deps.ops() as tx:
        added = tx.consents.add(records)
        counts = ConsentCounts(
            rows=frame.height + unread.height,
            added=added,
            known=good.height - added,
            refused=refused,
            rejected=frame.height + unread.height - good.height - refused,
            reasons={**dict(rules), **({"suppressed": refused} if refused else {})},
        )
        said = tuple((n, getattr(counts, n)) for n in ("added", "known", "refused", "rejected", "rows"))
        act.record(within=tx, subjects=records["_subject"].n_unique(), detail=said)
    return counts


def withdraw(id_type: str, value: str, purpose: str, *, actor: Actor, deps: Deps) -> int:
    """Withdraw a person's consent to a purpose, found by one identifier. PIPL 15(1), GDPR 7(3).

    Returns:
        How many standing consents ended; 0 when there was none.

    Raises:
        DeniedError: the actor lacks ``consent:withdraw``.
        UsageError: the identifier is not a valid one of its type.
        UnknownError: no such purpose, or no subject has the identifier.
    """
    act = authorise(deps, actor, "consent:withdraw", resource="consent")
    if purpose not in deps.policy.bundle.purposes:
        raise UnknownError("no such purpose")
    subject = subject_with(id_type, normal_identifier(id_type, value), deps)
    if subject is None:
        raise UnknownError("no subject has this identifier", id_type=id_type)
    with deps.ops() as tx:
        ended = sum(tx.consents.withdraw(part, purpose, deps.clock.now()) for part in parts(subject, deps))
        replace(act, purpose=purpose).record(within=tx, subjects=1, detail=(("records", ended),))
    return ended


def consent_contract(purposes: Collection[str]) -> DatasetContract:
    """The contract a file of consent records is held against."""

    def column(name: str, role: Role, *keys: str, required: bool = True) -> Column:
        id_type = _ID if role is Role.SUBJECT_ID else None
        return Column(name, role, Kind.STRING, "C2", id_type, keys=keys, required=required)

    return DatasetContract(
        name="consents",
        version="1.0.0",
        title="Consent records",
        columns=(
            column("resident_id", Role.SUBJECT_ID),
            column("purpose", Role.CATEGORY, *sorted(purposes)),
            column("kind", Role.CATEGORY, *ConsentKind),
            column("given_at", Role.QUASI_IDENTIFIER),
            column("valid_until", Role.QUASI_IDENTIFIER, required=False),
            column("withdrawn_at", Role.QUASI_IDENTIFIER, required=False),
            column("notice", Role.QUASI_IDENTIFIER),
        ),
        purposes=(),
        retention_class="",
        creates_subjects=True,
        row_per_subject=False,
        digest="",
    )


def parse_times(frame: pl.DataFrame) -> pl.DataFrame:
    """The times as Datetime[us, UTC], and ``rule``: null, ``not_utc_time`` or ``times_out_of_order``."""
    parsed = frame.with_columns(_time(name).alias(name) for name in _TIMES)
    wrong = [frame[name].is_not_null() & parsed[name].is_null() for name in _TIMES]
    late = [parsed[name] < parsed["given_at"] for name in _TIMES[1:]]
    rule = pl.when(pl.any_horizontal(wrong)).then(pl.lit("not_utc_time"))
    return parsed.with_columns(
        rule.when(pl.any_horizontal(late)).then(pl.lit("times_out_of_order")).alias("rule")
    )


def _time(name: str) -> pl.Expr:
    """Null where the text is not exactly a time in UTC."""
    exact = pl.when(pl.col(name).str.contains(_UTC)).then(pl.col(name).str.replace(r"(Z|\+00:00)$", ""))
    moment = exact.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    return moment.dt.replace_time_zone("UTC")


def _records(rows: pl.DataFrame, deps: Deps) -> pl.DataFrame:
    blind = blind_index(rows["id"], deps.keyring.index_key(_ID)).alias(_ID).to_frame()
    subjects = deps.vault.resolve(blind, create=True)["_subject"]
    return rows.select(subjects, "purpose", "kind", *_TIMES, "notice")
