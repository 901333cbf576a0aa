"""The privacy budget ledger. Its promise: the sum of granted charges never exceeds a cap.

One statement both checks and spends, ``UPDATE ... SET spent = spent + c WHERE spent <= cap - c``; the
database runs it under a row lock, so no interleaving of threads, processes or machines can pass the cap. The
table's CHECK says it a second time. Reading first and writing afterwards is the classic mistake
(``tests/mutants/check_then_write.py``).

All scopes of a charge are charged or none (a savepoint), in sorted order (two charges cannot wait for each
other), and a charge id is used once for ever (its row is written in the same transaction).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select, update

from service.adapters.sql.statements import SqlTable, insert_new, one_row
from service.adapters.sql.tables import BUDGET_CHARGE, BUDGET_SCOPE
from service.errors import BudgetExceededError, ConflictError, UnknownError, UsageError
from service.ports import BudgetLine

_MAX: Final = 2**63 - 1


class SqlBudget(SqlTable):
    """``service.ports.tables.BudgetLedger``."""

    def open(self, scope: str, cap: int) -> None:
        """Make a scope with nothing spent; an existing one stays as it is."""
        if not 0 <= cap <= _MAX:
            raise UsageError("a cap is a number of micro-rho, 0 or more", scope=scope)
        insert_new(self._connection, BUDGET_SCOPE, {"scope": scope, "cap": cap, "spent": 0})

    def charge(self, charge_id: str, scopes: Sequence[str], rho: int, at: datetime) -> bool:
        """Charge every scope or none.

        Returns:
            True when charged now, False when this id was charged before.

        Raises:
            BudgetExceededError: naming scope, requested and left in micro-rho.
            UnknownError: a scope was never opened.
            ConflictError: the id was used for another charge.
            UsageError: nothing to charge.
        """
        names = sorted(set(scopes))
        if not names or not 0 < rho <= _MAX:
            raise UsageError("a charge needs a scope and a positive number of micro-rho")
        with self._connection.begin_nested():
            values = {"id": charge_id, "scopes": json.dumps(names), "rho": rho, "at": at}
            if insert_new(self._connection, BUDGET_CHARGE, values) == 0:
                self._same(values)
                return False
            for scope in names:
                self._spend(scope, rho)
        return True

    def _same(self, values: dict[str, object]) -> None:
        stored = one_row(self._connection, BUDGET_CHARGE, BUDGET_CHARGE.c.id == values["id"]) or {}
        if (stored.get("scopes"), stored.get("rho")) != (values["scopes"], values["rho"]):
            raise ConflictError("this charge id was used for another charge")

    def _spend(self, scope: str, rho: int) -> None:
        statement = (
            update(BUDGET_SCOPE)
            .where(BUDGET_SCOPE.c.scope == scope, BUDGET_SCOPE.c.spent <= BUDGET_SCOPE.c.cap - rho)
            .values(spent=BUDGET_SCOPE.c.spent + rho)
        )
        if self._connection.execute(statement).rowcount == 1:
            return
        line = next(iter(self.lines((scope,))), None)
        if line is None:
            raise UnknownError("no such budget scope", scope=scope)
        raise BudgetExceededError("privacy budget exceeded", scope=scope, requested=rho, left=line.left)

    def lines(self, scopes: Sequence[str] | None = None) -> tuple[BudgetLine, ...]:
        """All scopes, or those of the named ones that exist, by name."""
        query = select(BUDGET_SCOPE).order_by(BUDGET_SCOPE.c.scope)
        if scopes is not None:
            query = query.where(BUDGET_SCOPE.c.scope.in_(scopes))
        return tuple(BudgetLine(**row) for row in self._connection.execute(query).mappings())
