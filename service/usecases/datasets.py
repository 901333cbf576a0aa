"""Register dataset contracts: what they name must exist, and a new version must fit the rows stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import polars as pl

from audit.entry import Detail
from policies.denied import DeniedFeatures
from policies.model import RetentionRule
from privacy.pii.columns import undeclared
from service.domain.actors import Actor
from service.domain.contracts import DatasetContract, Kind, Role
from service.errors import ConflictError, ContractError
from service.ports import Deps
from service.usecases.access import authorise
from service.usecases.detection import codes_of, profile_fact

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
        ContractError: unknown purpose, retention class or reference table, two columns of one identifier
            type, or a column that holds what no dataset may hold.
        ConflictError: a dataset of that name has other columns, or this version or a newer one.
        UsageError: the models of its detection profile are not installed.
    """
    act = authorise(deps, actor, "dataset:add", resource=f"dataset/{contract.name}")
    check_contract(contract, frozenset(deps.policy.bundle.purposes), frozenset(deps.policy.bundle.retention))
    words = json.loads(document)
    if words.get("status") == "draft":  # it holds placeholders where only a person knows the answer
        raise ContractError("a draft is not put in force: answer it and set its status", at="/status")
    check_class(contract, deps.policy.bundle.retention)
    check_features(contract, words, deps.policy.bundle.denied)
    codes_of(contract, deps)
    profile = profile_fact(contract, deps)
    with deps.ops() as tx:
        known = tx.datasets.get(contract.name)
        if known is not None and known.digest == contract.digest:
            return known
        if known is not None:
            check_successor(known, contract)
        tx.datasets.add(contract, document, deps.clock.now())
        detail: Detail = (("columns", len(contract.columns)), ("version", contract.version), *profile)
        act.record(within=tx, payload=contract.digest, detail=detail)
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


def check_class(contract: DatasetContract, retention: Mapping[str, RetentionRule]) -> None:
    """Hold a contract against the rules of its retention class. Raises ContractError with the role."""
    rule = retention[contract.retention_class]
    named = {"retention_class": rule.data_class}
    other = sorted(set(contract.purposes) - set(rule.purposes or contract.purposes))
    if other:  # PIPL 6, 23
        raise ContractError("data of this class serves another purpose", purpose=other[0], **named)
    roles = {column.role.value for column in contract.columns}
    bound = {role for each in retention.values() for role in each.needs}
    if wrong := sorted((roles & bound) ^ set(rule.needs)):
        raise ContractError("this role and this class of data go together only", role=wrong[0], **named)
    if rule.use_days and not (contract.period and contract.period.required):
        raise ContractError("data that ages needs a required event_time", **named)
    if Role.WEB_PATH in roles and contract.period and contract.period.kind is not Kind.TIMESTAMP:
        raise ContractError("a click happens at an instant: event_time is a timestamp", **named)


def check_features(contract: DatasetContract, document: object, denied: DeniedFeatures) -> None:
    """Refuse what no dataset may hold, by names and descriptions. Raises ContractError naming the column.

    Args:
        contract: parsed and checked in itself.
        document: the document it was read from; it has the descriptions.
        denied: what is refused, and the exceptions.
    """
    names = ((c.name, c.name) for c in contract.columns)
    check_words(contract.name, (*names, *_words(contract, document)), denied)
    for column in contract.columns:
        found = undeclared(
            pl.DataFrame({column.name: list(column.keys)}), [column.name] if column.keys else []
        )
        if not found.is_empty():
            raise ContractError("a key is an identifier", column=column.name, type=found["type"][0])


def check_words(dataset: str, words: Iterable[tuple[str, str]], denied: DeniedFeatures) -> None:
    """Refuse words of what no dataset may hold: pairs of column and text. Raises ContractError."""
    for column, text in words:
        feature = denied.refused(dataset, column, text)
        if feature is not None:  # PIPL 6; PIPL 24(1); PIPL 28
            raise ContractError(
                "no dataset may hold this",
                column=column,
                feature=feature.code,
                why=feature.title["en"],
                zh=feature.title["zh"],
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
    old_version, version = ([int(part) for part in c.version.split(".")] for c in (known, new))
    if version <= old_version:
        raise ConflictError("a new contract needs a newer version", dataset=new.name, in_force=known.version)
    if _shape(known) != _shape(new):
        raise ConflictError("the new version does not fit the stored rows", dataset=new.name)


def _shape(contract: DatasetContract) -> tuple[object, ...]:
    columns = {(c.name, c.role, c.kind, c.id_type) for c in contract.columns}
    return columns, contract.creates_subjects, contract.row_per_subject
