"""The credit model's life: trained from noisy counts paid from the budget, approved by another person.

Debit and audit entry are durable before any noise is drawn. The trainer sees no customer's row and no exact
count: what comes back from a release is all the model is made of.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from audit.canonical import digest
from privacy.dp.budget import PrivacyLoss
from privacy.dp.errors import LossError
from privacy.dp.release import noisy_histograms
from service.domain.actors import Actor
from service.domain.models import Model, ModelState
from service.errors import ConflictError, UsageError
from service.ports import Deps
from service.profiling.features import features
from service.scoring.scorecard import Scorecard, format_scorecard
from service.scoring.train import Floats, Noisy, fit_credit
from service.usecases.access import Act, authorise
from service.usecases.audience import audience
from service.usecases.profile import load_behaviour
from service.usecases.question import budget_scopes, pay

MODEL: Final = "credit"
PURPOSE: Final = "credit_scoring"
_DATASETS: Final = ("customers", "statements")
_DELTA_EXPONENT: Final = 7
#: The outcome as 1 and 0; an unknown word is an error.
BAD: Final = (
    pl.col("default_next_month").replace_strict({"yes": 1, "no": 0}, return_dtype=pl.Int64).alias("bad")
)


def train_model(
    *, actor: Actor, deps: Deps, epsilon_micro: int = 1_000_000, as_of: date | None = None
) -> Model:
    """Train a new version on everyone who consented to credit scoring.

    Args:
        actor: needs ``model:train``.
        deps: the service.
        epsilon_micro: privacy loss at delta 1e-7, in millionths.
        as_of: last month that features may use; today by default.

    Raises:
        DeniedError: the actor may not train.
        UsageError: epsilon is not in range.
        BudgetExceededError: nothing was drawn.
        ConflictError: nobody to train on.
    """
    resource = f"model/{MODEL}"
    act = authorise(deps, actor, "model:train", purpose=PURPOSE, data_class="C2", resource=resource)
    try:
        loss = PrivacyLoss.from_epsilon(epsilon_micro, _DELTA_EXPONENT)
    except LossError:
        raise UsageError("epsilon is out of range", field="epsilon") from None
    day = as_of or deps.clock.now().date()
    versions = tuple(f"{name}@{deps.events.version(name)}" for name in _DATASETS)
    statements, customers = load_behaviour(audience(PURPOSE, deps), deps)
    frame = features(statements, customers, day).join(customers.select("_sp", BAD), on="_sp", how="inner")
    if frame.is_empty():
        raise ConflictError("nobody to train on")
    _pay(loss.rho, frame["_sp"], act)
    card = fit_credit(MODEL, frame, frame["bad"], _release(loss.rho))
    training = (
        ("as_of", day.isoformat()), ("data", ",".join(versions)), ("delta_exponent", _DELTA_EXPONENT),
        ("epsilon_micro", epsilon_micro), ("rho_micro", loss.rho),
    )  # fmt: skip
    return _register(replace(card, training=training), loss.rho, actor, deps)


def _pay(rho: int, people: pl.Series, act: Act) -> None:
    """Charge every scope and write it down, both or neither."""
    deps = act.deps
    caps = budget_scopes(_DATASETS, act.actor.id, act.role, deps.policy.bundle.budgets)
    with deps.ops() as tx:
        pay(f"train-{secrets.token_hex(16)}", caps, rho, tx, deps.clock.now())
        act.record(within=tx, basis="consent", among=people, subjects=len(people), rho=rho)


def _release(rho: int) -> Noisy:
    def noisy(counts: Sequence[int], l2: float, share: float) -> Floats:
        out = noisy_histograms([counts], int(rho * share), l2)
        return np.asarray(out.counts[0], dtype=np.float64)

    return noisy


def _register(card: Scorecard, rho: int, actor: Actor, deps: Deps) -> Model:
    document = format_scorecard(card)
    with deps.ops() as tx:
        version = 1 + max((m.version for m in tx.models.all() if m.name == card.name), default=0)
        model = Model(
            name=card.name,
            version=version,
            document=document,
            digest=digest(document.encode()),
            state=ModelState.TRAINED,
            trained_by=actor.id,
            approved_by="",
            trained_at=deps.clock.now(),
            purpose=PURPOSE,
            rho=rho,
        )
        tx.models.add(model)
    return model


def approve_model(name: str, version: int, *, actor: Actor, deps: Deps) -> Model:
    """Approve a trained model; the one before it retires. Never one's own.

    Raises:
        DeniedError: the actor may not approve, or trained it.
        UnknownError: no such model.
        ConflictError: it is not waiting for approval.
    """
    with deps.ops() as tx:
        model = tx.models.get(name, version)
    facts = frozenset({"not_requester"}) if model.trained_by != actor.id else frozenset[str]()
    resource = f"model/{model.name}/{model.version}"
    act = authorise(
        deps, actor, "model:approve", purpose=model.purpose, data_class="C2", resource=resource, facts=facts
    )
    with deps.ops() as tx:
        model = tx.models.get(name, version)
        if model.state is not ModelState.TRAINED:
            raise ConflictError("the model is not waiting for approval", state=model.state.value)
        for other in tx.models.all():
            if other.name == name and other.state is ModelState.APPROVED:
                tx.models.save(replace(other, state=ModelState.RETIRED))
        approved = replace(model, state=ModelState.APPROVED, approved_by=actor.id)
        tx.models.save(approved)
        act.record(within=tx, payload=model.digest)
    return approved


def approved_model(name: str, deps: Deps) -> Model:
    """The model in service. Raises ConflictError: an unapproved model scores nobody."""
    with deps.ops() as tx:
        for model in tx.models.all():
            if model.name == name and model.state is ModelState.APPROVED:
                return model
    raise ConflictError("no model is approved", model=name)
