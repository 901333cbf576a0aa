"""Credit scores: built in one go with the approved model, read one at a time with four reasons.

A score is served only for the model's purpose, to a permitted role, with the customer's standing separate
consent, and not when the customer refuses decisions by automation alone.  # PIPL 24(3), 29
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from service.domain.actors import Actor
from service.domain.models import Model
from service.errors import ConflictError
from service.ports import Deps
from service.profiling.features import features
from service.scoring.batch import score_frame
from service.scoring.reasons import reason_text
from service.scoring.scorecard import REASONS, parse_scorecard
from service.usecases.access import authorise
from service.usecases.audience import audience, processable
from service.usecases.model import MODEL, PURPOSE, approved_model
from service.usecases.persons import headcount
from service.usecases.profile import load_behaviour, put_derived

TABLE: Final = "derived_score_credit"
_RESOURCE: Final = "score/credit"


@dataclass(frozen=True, slots=True)
class ScoresBuilt:
    """What a build did: ``customers`` have a score, ``left_out`` lack a basis or statements, or objected."""

    customers: int
    left_out: int
    model: str
    as_of: str
    table_version: int


@dataclass(frozen=True, slots=True)
class ReasonGiven:
    """Why the score is not higher, in the customer's words."""

    code: str
    lost: int
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """A score with its reasons, the heaviest first. It is an input to a decision, not one."""

    score: int
    grade: str
    reasons: tuple[ReasonGiven, ...]
    model: str
    as_of: str


def build_scores(*, actor: Actor, deps: Deps, as_of: date | None = None) -> ScoresBuilt:
    """Build ``derived_score_credit`` anew with the approved model.

    Raises:
        DeniedError: the actor lacks ``score:build``.
        ConflictError: no model is approved.
    """
    act = authorise(deps, actor, "score:build", purpose=PURPOSE, data_class="C2", resource=_RESOURCE)
    model = approved_model(MODEL, deps)
    label, day = _label(model), as_of or deps.clock.now().date()
    statements, customers = load_behaviour(audience(PURPOSE, deps), deps)
    frame = features(statements, customers, day)
    scores = score_frame(parse_scorecard(model.document), frame)
    table = pl.concat([frame.select("_sp"), scores], how="horizontal")
    left_out = headcount(deps) - table.height
    detail = (("left_out", left_out), ("model", label))
    version = put_derived(act, TABLE, table, day, payload=model.digest, detail=detail, model=pl.lit(label))
    return ScoresBuilt(table.height, left_out, label, day.isoformat(), version)


def score_customer(
    purpose: str, *, id_type: str = "", value: str = "", pseudonym: str = "", actor: Actor, deps: Deps
) -> Assessment:
    """One customer's score, by identifier or by the purpose's pseudonym in hex.

    Raises:
        DeniedError: the actor may not read scores for the purpose; or the customer has no standing
            consent, is restricted, or ``why=objected_to_automated_decision``.
        UnknownError: no such purpose or customer.
        ConflictError: no model is approved, or the customer's score is missing or of another model.
    """
    act = authorise(deps, actor, "score:read", purpose=purpose, data_class="C2", resource=_RESOURCE)
    model = approved_model(MODEL, deps)
    row_key = processable(act, model.purpose, id_type=id_type, value=value, pseudonym=pseudonym)
    row = _row(row_key, model, deps)
    act.record(basis="consent", about=row_key, subjects=1, payload=model.digest)
    reasons = [(row[f"reason_{place}"], row[f"lost_{place}"]) for place in range(1, REASONS + 1)]
    return Assessment(
        score=row["score"],
        grade=row["grade"],
        reasons=tuple(
            ReasonGiven(c, lost, reason_text(c, "zh"), reason_text(c, "en")) for c, lost in reasons
        ),
        model=row["model"],
        as_of=row["as_of"].isoformat(),
    )


def _row(pseudonym: bytes, model: Model, deps: Deps) -> dict[str, Any]:
    if deps.events.version(TABLE) < 0:
        raise ConflictError("no scores have been built yet")
    rows = deps.events.read_subject(TABLE, pseudonym)
    if rows.is_empty():
        raise ConflictError("this customer has no score")
    row = rows.row(0, named=True)
    if row["model"] != _label(model):
        raise ConflictError("scores are of another model; build them again", model=_label(model))
    return row


def _label(model: Model) -> str:
    return f"{model.name}@{model.version}"
