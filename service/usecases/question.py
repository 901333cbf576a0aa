"""What a plan asks under the contracts in force, and whether this actor may ask it. No data is read here.

The contracts are turned into the public facts that ``privacy.dp.schema`` holds a plan against. Protected
attributes can be neither keys nor filters: aggregates by them are a fairness question with rules of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from policies.model import BudgetRule
from privacy.dp.errors import LossError, PlanError
from privacy.dp.query import parse_plan
from privacy.dp.schema import Query, Table, resolve
from service.domain.actors import Actor
from service.domain.contracts import DatasetContract, Role
from service.errors import UnknownError, UsageError
from service.ports import Deps, OpsTransaction
from service.usecases.access import Act, authorise, decide

#: A plan over the datasets of the demo, as it stands in the description of the HTTP API.
EXAMPLE: Final[dict[str, Any]] = {
    "dataset": "statements",
    "keys": ["month", "customers.education"],
    "measures": ["count", "sum:bill_cents", "mean:bill_cents"],
    "periods": ["2005-04", "2005-05", "2005-06", "2005-07", "2005-08", "2005-09"],
    "epsilon": 1_000_000,
}
_GROUPED: Final = frozenset({Role.CATEGORY, Role.QUASI_IDENTIFIER})


@dataclass(frozen=True, slots=True)
class Question:
    """A plan under the contracts it touches.

    Attributes:
        query: the resolved plan.
        data_class: highest class among the columns touched.
        purposes: purposes that every table read was collected for.
    """

    query: Query
    data_class: str
    purposes: frozenset[str]


def permit(
    permission: str,
    document: object,
    purpose: str,
    *,
    actor: Actor,
    deps: Deps,
    resource: str = "aggregate",
    facts: frozenset[str] = frozenset(),
    limited: bool = True,
) -> tuple[Query, Act]:
    """Ask policy twice: before anyone learns which data exists, and for the class that the plan touches.

    ``limited``: the data read must have been collected for the purpose, too.

    Raises:
        DeniedError: policy says no.
        UsageError: the plan cannot be answered.
    """
    asked = partial(authorise, deps, actor, permission, purpose=purpose, resource=resource, facts=facts)
    asked()
    with deps.ops() as tx:
        question = read_question(document, tx.datasets.all())
    act = asked(data_class=question.data_class)
    if limited and purpose not in question.purposes:  # PIPL 6
        text = "the data was not collected for this purpose"
        replace(act, resource="aggregate").refuse("not_collected_for_purpose", text)
    return question.query, act


def granted_purpose(permission: str, *, actor: Actor, deps: Deps) -> str:
    """A purpose for which the actor has the permission; empty when there is none."""
    codes = sorted(deps.policy.bundle.purposes)
    return next((code for code in codes if decide(deps, actor, permission, purpose=code).allow), "")


def read_question(document: object, contracts: Iterable[DatasetContract]) -> Question:
    """Parse the plan and hold it against the contracts.

    Raises:
        UsageError: ``why`` is the kind of fault and ``at`` its place; what stood there is not repeated.
    """
    known = {contract.name: contract for contract in contracts}
    try:
        query = resolve(parse_plan(document), {name: public_facts(c) for name, c in known.items()})
    except PlanError as error:
        raise UsageError("the plan cannot be answered", why=error.code, at=error.where) from None
    except LossError as error:
        raise UsageError("the plan cannot be answered", why="privacy_loss", at=error.field) from None
    read = [known[name] for name in query.datasets]
    return Question(
        query=query,
        data_class=_highest_class(query, known),
        purposes=frozenset.intersection(*(frozenset(contract.purposes) for contract in read)),
    )


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


def budget_scopes(
    datasets: Iterable[str], actor: str, role: str, rules: Iterable[BudgetRule]
) -> dict[str, int]:
    """Every scope that whatever leaves these datasets is charged to, with its cap in micro-rho.

    The datasets read and the actor, and the role where a cap is declared for it.

    Raises:
        UnknownError: a dataset or the actor has no declared budget: then nothing may be spent.
    """
    caps = {rule.scope: rule.rho for rule in rules}
    mine = f"actor:{actor}"
    caps[mine] = caps.get(mine, caps.get("actor:*", 0))
    scopes = [*(f"dataset:{name}" for name in sorted(datasets)), mine]
    if f"role:{role}" in caps:
        scopes.append(f"role:{role}")
    for scope in scopes:
        if not caps.get(scope):
            raise UnknownError("no privacy budget is declared", scope=scope)
    return {scope: caps[scope] for scope in scopes}


def pay(charge: str, caps: Mapping[str, int], rho: int, tx: OpsTransaction, at: datetime) -> None:
    """Charge every scope or none. Raises BudgetExceededError."""
    for scope, cap in caps.items():
        tx.budget.open(scope, cap)
    tx.budget.charge(charge, tuple(caps), rho, at)


def _highest_class(query: Query, contracts: Mapping[str, DatasetContract]) -> str:
    references = [*(key.column for key in query.keys), *(f.column for f in query.plan.filters)]
    touched = {(ref.table or query.table.name, ref.column) for ref in references}
    own = [query.table.period, *(total.column for total in query.totals)]
    touched |= {(query.table.name, name) for name in own if name}
    columns = [contracts[table].column(name) for table, name in touched]
    return max((column.data_class for column in columns if column), default="C1")
