"""``profile``, ``model``, ``score``: segments and the credit scorecard."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.context import SESSION, IdType, Json, ask
from service.cli.output import emit, table

if TYPE_CHECKING:
    from service.domain.models import Model

profile_app = typer.Typer(help="Profiles and segments.", no_args_is_help=True)
model_app = typer.Typer(help="The model registry.", no_args_is_help=True)
score_app = typer.Typer(help="Credit scores with reasons.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(profile_app, name="profile")
    app.add_typer(model_app, name="model")
    app.add_typer(score_app, name="score")


@profile_app.command("build")
def profile_build(as_json: Json = False) -> None:
    """Build features and the value segment of every consenting customer."""
    from service.usecases.profile import build_profiles

    actor, deps = SESSION.acting()
    summary = asdict(build_profiles(actor=actor, deps=deps))
    emit(summary, as_json=as_json, text="\n".join(f"{k}: {v}" for k, v in summary.items()))


@model_app.command("train")
def model_train(
    epsilon: Annotated[
        float, typer.Option(min=0.000001, max=10, help="Privacy loss of the training, at delta 1e-7.")
    ] = 1.0,
    as_json: Json = False,
) -> None:
    """Train the credit scorecard from noisy counts, paid from the budget."""
    from service.usecases.model import train_model

    actor, deps = SESSION.acting()
    _show(train_model(actor=actor, deps=deps, epsilon_micro=round(epsilon * 1_000_000)), as_json=as_json)


@model_app.command("approve")
def model_approve(
    name: str,
    version: Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="Version to approve.")],
    as_json: Json = False,
) -> None:
    """Approve a trained model (never one's own)."""
    from service.usecases.model import approve_model

    actor, deps = SESSION.acting()
    _show(approve_model(name, version, actor=actor, deps=deps), as_json=as_json)


@score_app.command("build")
def score_build(as_json: Json = False) -> None:
    """Score every customer with a separate consent, with the approved model."""
    from service.usecases.score import build_scores

    actor, deps = SESSION.acting()
    summary = asdict(build_scores(actor=actor, deps=deps))
    emit(summary, as_json=as_json, text="\n".join(f"{k}: {v}" for k, v in summary.items()))


@score_app.command("read")
def score_read(
    purpose: Annotated[str, typer.Option(help="Purpose code.")] = "credit_scoring",
    id_type: Annotated[IdType, typer.Option(help="What is on standard input.")] = IdType.EMAIL,
    pseudonym: Annotated[str, typer.Option(help="The customer's pseudonym for this purpose, in hex.")] = "",
    as_json: Json = False,
) -> None:
    """One customer's score with four reasons; the identifier is read from standard input."""
    from service.usecases.score import score_customer

    actor, deps = SESSION.acting()
    value = "" if pseudonym else ask(id_type.value)
    found = score_customer(
        purpose, id_type=id_type.value, value=value, pseudonym=pseudonym, actor=actor, deps=deps
    )
    reasons = [(r.code, r.lost, r.zh if SESSION.language == "zh" else r.en) for r in found.reasons]
    text = f"score {found.score}, grade {found.grade}, by {found.model} as of {found.as_of}\n"
    text += table("Why it is not higher", ("code", "points lost", "reason"), reasons)
    emit(asdict(found), as_json=as_json, text=text)


def _show(model: Model, *, as_json: bool) -> None:
    value = {
        "name": model.name, "version": model.version, "state": model.state.value, "rho": model.rho,
        "digest": model.digest, "trained_by": model.trained_by, "approved_by": model.approved_by,
    }  # fmt: skip
    cost = f"training cost {model.rho:,} micro-rho"
    text = f"{model.name} v{model.version}: {model.state.value}, {model.digest}, {cost}"
    emit(value, as_json=as_json, text=text)
