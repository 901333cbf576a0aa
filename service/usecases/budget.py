"""What is left of the privacy budget, for whoever may ask."""

from __future__ import annotations

from service.domain.actors import Actor
from service.ports import BudgetLine, Deps
from service.usecases.access import authorise


def budget_statement(*, actor: Actor, deps: Deps) -> tuple[BudgetLine, ...]:
    """Every scope with its cap and what is spent, in micro-rho."""
    authorise(deps, actor, "budget:read", resource="budget")
    with deps.ops() as tx:
        return tx.budget.lines()
