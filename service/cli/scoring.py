"""``profile``, ``model``, ``score``: segments and the credit scorecard."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from service.cli.context import SESSION, IdType, Purpose, ask, command, group
from service.cli.output import emit, pick, table
from service.domain.models import Model

profile_app = group("profile", "Profiles and segments.")
model_app = group("model", "The model registry.")
Pseudonym = Annotated[str, typer.Option(help="The customer's pseudonym for this purpose, in hex.")]
score_app = group("score", "Credit scores with reasons.")


@command(profile_app, "build")
def profile_build() -> None:
    """Build features and the value segment of every consenting customer."""
    from service.usecases.profile import build_profiles

    _built(asdict(build_profiles(**SESSION.acting())))


@command(profile_app, "read")
def profile_read(id_type: IdType = "email", pseudonym: Pseudonym = "") -> None:
    """One customer's segment; the identifier is read from standard input."""
    from service.usecases.profile import read_profile

    _built(asdict(read_profile(**SESSION.acting(), **_whose(id_type, pseudonym))))


@command(model_app, "train")
def model_train(
    epsilon: Annotated[
        float, typer.Option(min=0.000001, max=10, help="Privacy loss of the training, at delta 1e-7.")
    ] = 1.0,
) -> None:
    """Train the credit scorecard from noisy counts, paid from the budget."""
    from service.usecases.model import train_model

    _show(train_model(**SESSION.acting(), epsilon_micro=round(epsilon * 1_000_000)))


@command(model_app, "approve")
def model_approve(
    name: str,
    version: Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="Version to approve.")],
) -> None:
    """Approve a trained model (never one's own)."""
    from service.usecases.model import approve_model

    _show(approve_model(name, version, **SESSION.acting()))


@command(score_app, "build")
def score_build() -> None:
    """Score every customer with a separate consent, with the approved model."""
    from service.usecases.score import build_scores

    _built(asdict(build_scores(**SESSION.acting())))


@command(score_app, "read")
def score_read(
    purpose: Purpose = "credit_scoring",
    id_type: IdType = "email",
    pseudonym: Pseudonym = "",
) -> None:
    """One customer's score with four reasons; the identifier is read from standard input."""
    from service.usecases.score import score_customer

    found = score_customer(purpose, **SESSION.acting(), **_whose(id_type, pseudonym))
    reasons = [(r.code, r.lost, r.zh if SESSION.language == "zh" else r.en) for r in found.reasons]
    text = f"score {found.score}, grade {found.grade}, by {found.model} as of {found.as_of}\n"
    text += table("Why it is not higher", ("code", "points lost", "reason"), reasons)
    emit(asdict(found), text)


def _whose(id_type: str, pseudonym: str) -> dict[str, str]:
    return {"id_type": id_type, "value": "" if pseudonym else ask(id_type), "pseudonym": pseudonym}


def _built(summary: dict[str, object]) -> None:
    emit(summary, "\n".join(f"{k}: {v}" for k, v in summary.items()))


def _show(model: Model) -> None:
    value = pick(model, "name", "version", "state", "rho", "digest", "trained_by", "approved_by")
    cost = f"training cost {model.rho:,} micro-rho"
    text = f"{model.name} v{model.version}: {model.state.value}, {model.digest}, {cost}"
    emit(value, text)
