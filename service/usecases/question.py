"""What a plan asks under the contracts in force: public facts, data class, purposes, budget scopes. No data.

The contracts are turned into the public facts that ``privacy.dp.schema`` holds a plan against. Protected
attributes can be neither keys nor filters: aggregates by them are a fairness question with rules of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from policies.model import BudgetRule
from privacy.dp.errors import LossError, PlanError
from privacy.dp.query import MONTH, parse_plan
from privacy.dp.schema import Query, Table, resolve
from service.domain.contracts import DatasetContract, Role
from service.errors import UnknownError, UsageError

_GROUPED: Final = frozenset({Role.CATEGORY, Role.QUASI_IDENTIFIER})

Contracts = Mapping[str, DatasetContract]


def read_question(document: object, contracts: Iterable[DatasetContract]) -> Query:
    """Parse the plan and hold it against the contracts.

    Raises:
        UsageError: ``why`` is the kind of fault and ``at`` its place; what stood there is not repeated.
    """
    try:
        return resolve(parse_plan(document), {c.name: public_facts(c) for c in contracts})
    except PlanError as error:
        raise UsageError("the plan cannot be answered", why=error.code, at=error.where) from None
    except LossError as error:
        raise UsageError("the plan cannot be answered", why="privacy_loss", at=error.field) from None


def public_facts(contract: DatasetContract) -> Table:
    """Key sets and bounds that the contract declares."""
    return Table(
        name=contract.name,
        columns=frozenset(c.name for c in contract.stored),
        categories={c.name: c.keys for c in contract.stored if c.role in _GROUPED and c.keys},
        measures={
            c.name: None if c.lower is None or c.upper is None else (c.lower, c.upper)
            for c in contract.with_role(Role.MEASURE)
            if c.required
        },
        period=contract.period.name if contract.period else "",
        row_per_subject=contract.row_per_subject,
    )


def data_class(query: Query, contracts: Contracts) -> str:
    """The highest class among the columns that the plan touches."""
    references = [*(key.column for key in query.keys), *(f.column for f in query.plan.filters)]
    touched = {(ref.table or query.table.name, ref.column) for ref in references}
    touched |= {(query.table.name, total.column) for total in query.totals if total.column}
    columns = [contracts[table].column(name) for table, name in touched if name != MONTH or table]
    return max((column.data_class for column in columns if column), default="C1")


def collected_for(query: Query, purpose: str, contracts: Contracts) -> bool:
    """Whether every table read was collected for the purpose."""
    return all(purpose in contracts[name].purposes for name in query.datasets)


def budget_scopes(query: Query, actor: str, role: str, rules: Iterable[BudgetRule]) -> dict[str, int]:
    """Every scope that the plan is charged to, with its cap in micro-rho.

    The datasets read and the actor, and the role where a cap is declared for it.

    Raises:
        UnknownError: a dataset or the actor has no declared budget: then nothing may be spent.
    """
    caps = {rule.scope: rule.rho for rule in rules}
    caps.setdefault(f"actor:{actor}", caps.get("actor:*", 0))
    scopes = [*(f"dataset:{name}" for name in sorted(query.datasets)), f"actor:{actor}"]
    if f"role:{role}" in caps:
        scopes.append(f"role:{role}")
    for scope in scopes:
        if not caps.get(scope):
            raise UnknownError("no privacy budget is declared", scope=scope)
    return {scope: caps[scope] for scope in scopes}
