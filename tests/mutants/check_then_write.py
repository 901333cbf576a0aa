"""Broken ledger: looks at the budget, decides in Python, then writes. Two requests can see the same money."""

from __future__ import annotations

import json
import time
from datetime import datetime

from sqlalchemy import Engine, insert, select, update

from service.adapters.sql.tables import BUDGET_CHARGE, BUDGET_SCOPE
from service.errors import BudgetExceededError


def charge(engine: Engine, charge_id: str, scope: str, rho: int, at: datetime) -> None:
    """Charge one scope, with a gap between the check and the write."""
    with engine.begin() as connection:
        line = connection.execute(select(BUDGET_SCOPE).where(BUDGET_SCOPE.c.scope == scope)).one()
    if line.spent + rho > line.cap:
        raise BudgetExceededError("privacy budget exceeded", scope=scope, requested=rho)
    time.sleep(0.05)  # a busy machine, so that the fault shows every time
    with engine.begin() as connection:
        spent = update(BUDGET_SCOPE).where(BUDGET_SCOPE.c.scope == scope).values(spent=line.spent + rho)
        connection.execute(spent)
        values = {"id": charge_id, "scopes": json.dumps([scope]), "rho": rho, "at": at}
        connection.execute(insert(BUDGET_CHARGE).values(**values))
