"""What a plan asks under the contracts in force, and whether this actor may ask it. No data is read here.

The contracts are turned into the public facts that ``privacy.dp.schema`` holds a plan against. Protected
attributes can be neither keys nor filters: aggregates by them are a fairness question with rules of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from policies.model import AccessRequest, BudgetRule, Decision
from privacy.dp.errors import LossError, PlanError
from privacy.dp.query import parse_plan
from privacy.dp.schema import Query, Table, resolve
from service.domain.actors import Actor
from service.domain.contracts import DatasetContract, Role
from service.errors import DeniedError, UnknownError, UsageError
from service.ports import Deps
from service.usecases.access import authorise, record

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
) -> tuple[Question, Decision]:
    """Ask policy twice: before anyone learns which data exists, and for the class that the plan touches.

    Raises:
        DeniedError: policy says no.
        UsageError: the plan cannot be answered.
    """
    authorise(deps, actor, permission, purpose=purpose, resource=resource, facts=facts)
    with deps.ops() as tx:
        question = read_question(document, tx.datasets.all())
    return question, authorise(
        deps,
        actor,
        permission,
        purpose=purpose,
        resource=resource,
        data_class=question.data_class,
        facts=facts,
    )


def limit_to_purpose(
    question: Question, purpose: str, permission: str, decision: Decision, *, actor: Actor, deps: Deps
) -> None:
    """Data is used only for what it was collected for. Raises DeniedError, logged."""  # PIPL 6
    if purpose in question.purposes:
        return
    denied = replace(decision, allow=False, reason="not_collected_for_purpose")
    record(deps, actor, denied, permission, purpose=purpose, resource="aggregate")
    raise DeniedError("the data was not collected for this purpose", permission=permission, why=denied.reason)


def granted_purpose(permission: str, *, actor: Actor, deps: Deps) -> str:
    """A purpose for which the actor has the permission; empty when there is none."""
    noun, _, verb = permission.partition(":")
    for code in sorted(deps.policy.bundle.purposes):
        wish = AccessRequest(
            actor=actor.id,
            roles=actor.roles,
            resource=noun,
            action=verb,
            data_class="C1",
            purpose=code,
            facts=frozenset(),
        )
        if deps.policy.decide(wish).allow:
            return code
    return ""


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


def _highest_class(query: Query, contracts: Mapping[str, DatasetContract]) -> str:
    references = [*(key.column for key in query.keys), *(f.column for f in query.plan.filters)]
    touched = {(ref.table or query.table.name, ref.column) for ref in references}
    own = [query.table.period, *(total.column for total in query.totals)]
    touched |= {(query.table.name, name) for name in own if name}
    columns = [contracts[table].column(name) for table, name in touched]
    return max((column.data_class for column in columns if column), default="C1")
