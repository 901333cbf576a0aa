"""Register dataset contracts: what they name must exist, and a new version must fit the rows stored."""

from __future__ import annotations

from policies.model import Decision
from service.domain.actors import Actor
from service.domain.contracts import Column, DatasetContract, Role
from service.errors import ConflictError, ContractError
from service.ports import Deps
from service.usecases.access import authorise, record


def add_dataset(contract: DatasetContract, document: str, *, actor: Actor, deps: Deps) -> DatasetContract:
    """Put a contract in force.

    Args:
        contract: parsed and checked in itself.
        document: the document it was read from; kept.
        actor: needs ``dataset:add``.
        deps: the service.

    Returns:
        The contract in force; the same contract again changes nothing and is not logged again.

    Raises:
        DeniedError: the actor may not add datasets.
        ContractError: unknown purpose or retention class, or two columns of one identifier type.
        ConflictError: a dataset of that name has other columns, or this version or a newer one.
    """
    decision = authorise(deps, actor, "dataset:add", resource=f"dataset/{contract.name}")
    check_contract(contract, frozenset(deps.policy.bundle.purposes), frozenset(deps.policy.bundle.retention))
    with deps.ops() as tx:
        known = next((c for c in tx.datasets.all() if c.name == contract.name), None)
        if known is not None and known.digest == contract.digest:
            return known
        if known is not None:
            check_successor(known, contract)
        tx.datasets.add(contract, document, deps.clock.now())
        _record(contract, actor, decision, deps)
    return contract


def check_contract(contract: DatasetContract, purposes: frozenset[str], retention: frozenset[str]) -> None:
    """Hold a contract against the policies. Raises ContractError naming the code."""
    for code in contract.purposes:
        if code not in purposes:
            raise ContractError("the policies know no such purpose", purpose=code)
    if not contract.purposes:
        raise ContractError("a dataset is collected for a purpose: name one")  # PIPL 6
    if contract.retention_class not in retention:
        raise ContractError(
            "the policies know no such retention class", retention_class=contract.retention_class
        )
    id_types = [c.id_type for c in contract.with_role(Role.SUBJECT_ID, Role.DIRECT_IDENTIFIER)]
    if len(set(id_types)) != len(id_types):
        raise ContractError("two columns hold the same type of identifier")


def check_successor(known: DatasetContract, new: DatasetContract) -> None:
    """Refuse a version that the stored rows do not fit. Raises ConflictError."""
    if _version(new) <= _version(known):
        raise ConflictError("a new contract needs a newer version", dataset=new.name, in_force=known.version)
    same_rows = (known.creates_subjects, known.row_per_subject) == (new.creates_subjects, new.row_per_subject)
    if _shape(known) != _shape(new) or not same_rows:
        raise ConflictError("the new version does not fit the stored rows", dataset=new.name)


def _version(contract: DatasetContract) -> tuple[int, ...]:
    return tuple(int(part) for part in contract.version.split("."))


def _shape(contract: DatasetContract) -> frozenset[tuple[str, str, str, str]]:
    return frozenset(_column(column) for column in contract.columns)


def _column(column: Column) -> tuple[str, str, str, str]:
    return column.name, column.role.value, column.kind.value, column.id_type or ""


def _record(contract: DatasetContract, actor: Actor, decision: Decision, deps: Deps) -> None:
    record(
        deps, actor, decision, "dataset:add",
        resource=f"dataset/{contract.name}", payload=contract.digest,
        detail=(("columns", len(contract.columns)), ("version", contract.version)),
    )  # fmt: skip
