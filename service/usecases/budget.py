"""What is left of the privacy budget, for whoever may ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from privacy.dp.budget import PrivacyLoss
from service.domain.actors import Actor
from service.ports import BudgetLine, Deps
from service.usecases.access import authorise

_DELTA_EXPONENT: Final = 7  # for display, where no rule names the scope


@dataclass(frozen=True, slots=True)
class Account:
    """One scope, in micro-rho, and what is left of it as people read it.

    Attributes:
        scope: such as ``dataset:statements``.
        cap: what may be spent in all.
        spent: what was.
        left: the difference.
        epsilon_left: the largest single release that still fits, in micro-epsilon.
        delta_exponent: at delta 10^-n.
    """

    scope: str
    cap: int
    spent: int
    left: int
    epsilon_left: int
    delta_exponent: int


def budget_statement(*, actor: Actor, deps: Deps) -> tuple[Account, ...]:
    """Every scope that was ever opened."""
    authorise(deps, actor, "budget:read", resource="budget")
    exponents = {rule.scope: rule.delta_exponent for rule in deps.policy.bundle.budgets}
    with deps.ops() as tx:
        lines = tx.budget.lines()
    for line in lines:  # an actor without a rule of their own comes under the rule of all
        if line.scope.startswith("actor:"):
            exponents.setdefault(line.scope, exponents.get("actor:*", _DELTA_EXPONENT))
    return tuple(_account(line, exponents.get(line.scope, _DELTA_EXPONENT)) for line in lines)


def _account(line: BudgetLine, exponent: int) -> Account:
    epsilon = PrivacyLoss(line.left).epsilon(exponent) if line.left > 0 else 0
    return Account(line.scope, line.cap, line.spent, line.left, epsilon, exponent)
