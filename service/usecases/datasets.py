"""Register dataset contracts: what they name must exist, and a new version must fit the rows stored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from policies.denied import DeniedFeatures
from policies.model import Decision
from service.domain.actors import Actor
from service.domain.contracts import Column, DatasetContract, Role
from service.errors import ConflictError, ContractError
from service.ports import Deps
from service.usecases.access import authorise, record

#: Where a contract speaks of a table or a column in words.
_PROSE: Final = ("businessName", "description", "physicalType", "tags")


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
        ContractError: unknown purpose or retention class, two columns of one identifier type, or a column
            that holds what no dataset may hold.
        ConflictError: a dataset of that name has other columns, or this version or a newer one.
    """
    decision = authorise(deps, actor, "dataset:add", resource=f"dataset/{contract.name}")
    check_contract(contract, frozenset(deps.policy.bundle.purposes), frozenset(deps.policy.bundle.retention))
    words = json.loads(document)
    if words.get("status") == "draft":  # it holds placeholders where only a person knows the answer
        raise ContractError("a draft is not put in force: answer it and set its status", at="/status")
    check_features(contract, words, deps.policy.bundle.denied)
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


def check_features(contract: DatasetContract, document: object, denied: DeniedFeatures) -> None:
    """Refuse what no dataset may hold, by names and descriptions. Raises ContractError naming the column.

    Args:
        contract: parsed and checked in itself.
        document: the document it was read from; it has the descriptions.
        denied: what is refused, and the exceptions.
    """
    for column, text in (*((c.name, c.name) for c in contract.columns), *_words(contract, document)):
        feature = denied.refused(contract.name, column, text)
        if feature is not None:  # PIPL 6; PIPL 24(1); PIPL 28
            raise ContractError(
                "no dataset may hold this",
                column=column,
                feature=feature.code,
                why=feature.title["en"],
                law=feature.law,
            )


def _words(contract: DatasetContract, document: object) -> Iterator[tuple[str, str]]:
    """What the contract says of its columns and, under ``dataset``, of itself."""
    yield from (("dataset", text) for text in (contract.name, contract.title))
    root = document if isinstance(document, Mapping) else {}
    tables = [table for table in root.get("schema", ()) if isinstance(table, Mapping)]
    for table in (root, *tables):
        yield from (("dataset", text) for key in _PROSE for text in _texts(table.get(key)))
    for table in tables:
        for column in table.get("properties", ()):
            yield from ((str(column["name"]), text) for key in _PROSE for text in _texts(column.get(key)))


def _texts(value: object) -> Iterator[str]:
    """The strings in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part)


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
