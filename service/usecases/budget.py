"""What is left of the privacy budget, for whoever may ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from policies.model import BudgetRule
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
    with deps.ops() as tx:
        return accounts(tx.budget.lines(), deps.policy.bundle.budgets)


def accounts(lines: Iterable[BudgetLine], rules: Iterable[BudgetRule]) -> tuple[Account, ...]:
    """The lines of the ledger as people read them."""
    exponents = {rule.scope: rule.delta_exponent for rule in rules}
    found = []
    for line in lines:  # an actor without a rule of their own comes under the rule of all
        general = "actor:*" if line.scope.startswith("actor:") else ""
        exponent = exponents.get(line.scope, exponents.get(general, _DELTA_EXPONENT))
        epsilon = PrivacyLoss(line.left).epsilon(exponent) if line.left > 0 else 0
        found.append(Account(line.scope, line.cap, line.spent, line.left, epsilon, exponent))
    return tuple(found)
