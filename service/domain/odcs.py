"""Read a dataset contract in the form of the Open Data Contract Standard v3, strictly.

The standard has no words for privacy facts, so they stand in its own extension point, ``customProperties``.
On the contract: ``purposes``, ``retentionClass``, ``createsSubjects``, ``rowPerSubject``; optional rules are
``uniqueBy``, ``order``, ``minimumQuality`` (``service.domain.rules``); where there is free text,
``textProfile``: ``fast`` (as without it) or ``accurate``. On every property: ``role`` and ``dataClass``;
then, by role:

=====================================  ==================================================
``subject_id`` (exactly one column)    ``idType``; it always links
``direct_identifier``                  ``idType``, ``links``
``category``                           ``keys``, the public key set
``quasi_identifier``, ``protected_attribute``  ``keys`` if they are to be grouped by
``measure``                            ``lower``, ``upper``, ``unit``; an integer of minor units
``event_time`` (at most one column)    none; a date or a timestamp
``free_text``                          ``surrogates``: ``numbered`` (as without it) or ``keyed``
``district``                           ``keys`` if it is to be grouped by
``expires_on`` (at most one column)    none; a date
``consent_ref``, ``authorisation_ref`` (at most one column each), ``web_path``: none
========================================================================================

Rules about values are the standard's own ``logicalTypeOptions`` and ``relationships``
(``service.domain.rules``).

Keys and bounds enter the sensitivity of every release, so they are declared here and never learnt from
data. Anything not listed is refused, with the place as a JSON pointer (RFC 6901) in ``at``: an ignored key
would be a promise nobody keeps.

>>> parse_contract({})
Traceback (most recent call last):
service.errors.ContractError: a key is missing: add it (at=/, key=apiVersion)
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final

from service.domain.contracts import Column, DatasetContract, Kind, Limits, Role, Surrogates, longest
from service.domain.documents import Node, text_items
from service.domain.rules import NAME, minimum_quality, order, parse_limits, profile, refers_to, unique_by
from service.errors import ContractError

_SHARED: Final = {"name", "birth_date", "address"}  # no person's alone
ID_TYPES: Final = frozenset({"cn_resident_id", "mobile", "email", "bank_card"} | _SHARED)
DATA_CLASSES: Final = frozenset({"C1", "C2", "C3"})  # JR/T 0171-2020
MAX_COLUMNS: Final = 200
MAX_KEYS: Final = 1000

_VERSION: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_API_VERSION: Final = re.compile(r"v3\.\d+\.\d+")
_INT64: Final = 2**63

_IDENTIFIERS: Final = frozenset({Role.SUBJECT_ID, Role.DIRECT_IDENTIFIER})
_KINDS: Final = {
    Role.MEASURE: (Kind.INTEGER,),
    Role.EVENT_TIME: (Kind.DATE, Kind.TIMESTAMP),
    Role.EXPIRES_ON: (Kind.DATE,),
}
_ONCE: Final = (Role.EVENT_TIME, Role.CONSENT_REF, Role.AUTHORISATION_REF, Role.EXPIRES_ON)
_FACTS: Final[dict[Role, tuple[set[str], set[str]]]] = {  # role -> (required, optional) facts
    Role.SUBJECT_ID: ({"idType"}, {"links"}),
    Role.DIRECT_IDENTIFIER: ({"idType", "links"}, set()),
    Role.QUASI_IDENTIFIER: (set(), {"keys"}),
    Role.PROTECTED_ATTRIBUTE: (set(), {"keys"}),
    Role.CATEGORY: ({"keys"}, set()),
    Role.MEASURE: ({"lower", "upper", "unit"}, set()),
    Role.FREE_TEXT: (set(), {"surrogates"}),
    Role.DISTRICT: (set(), {"keys"}),
}


def parse_contract(document: Mapping[str, object]) -> DatasetContract:
    """Read the document.

    Args:
        document: what a YAML or JSON reader returned.

    Returns:
        The contract; its digest covers the whole document, descriptive texts included.

    Raises:
        ContractError: with ``at``, the place of the first thing that is wrong.
    """
    root = Node.mapping(document, "")
    root.only(
        required=("apiVersion", "kind", "id", "name", "version", "status", "schema", "customProperties"),
        optional=("description", "domain", "tags"),
    )
    root.text("apiVersion", _API_VERSION, "v3.x.y")
    root.choice("kind", frozenset({"DataContract"}))
    root.text("id")
    root.choice("status", frozenset({"proposed", "draft", "active", "deprecated", "retired"}))
    table = _only_table(root)
    columns = tuple(_column(node) for node in table.items("properties"))
    _check_columns(columns, f"{table.at}/properties")
    facts = root.facts("customProperties")
    facts.only(
        required=("purposes", "retentionClass", "createsSubjects", "rowPerSubject"),
        optional=("uniqueBy", "order", "minimumQuality", "textProfile"),
    )
    return DatasetContract(
        name=table.text("name", NAME, "a-z, 0-9 and _"),
        version=root.text("version", _VERSION, "a quoted semantic version, such as 1.0.0"),
        title=root.text("name"),
        columns=columns,
        purposes=text_items(facts, "purposes", pattern=NAME),
        retention_class=facts.text("retentionClass", NAME, "a-z, 0-9 and _"),
        creates_subjects=facts.flag("createsSubjects"),
        row_per_subject=facts.flag("rowPerSubject"),
        digest="sha256:" + hashlib.sha256(canonical_json(document).encode()).hexdigest(),
        unique_by=unique_by(facts, columns),
        order=order(facts, columns),
        minimum_quality=minimum_quality(facts),
        text_profile=profile(facts, columns),
    )


def canonical_json(document: Mapping[str, object]) -> str:
    """The document as JSON with sorted keys and no spaces: what is digested and what is stored.

    Raises:
        ContractError: it holds something JSON cannot say, such as an unquoted YAML date.
    """
    try:
        return json.dumps(
            document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
        )
    except (TypeError, ValueError, RecursionError):
        raise ContractError("the document is not plain JSON data: quote dates and keys", at="/") from None


def _only_table(root: Node) -> Node:
    tables = list(root.items("schema"))
    if len(tables) != 1:
        raise ContractError("a contract describes one table", at="/schema", tables=len(tables))
    tables[0].only(
        required=("name", "properties"),
        optional=("logicalType", "physicalType", "businessName", "description"),
    )
    return tables[0]


def _column(node: Node) -> Column:
    node.only(
        required=("name", "logicalType", "required", "customProperties"),
        optional=("description", "businessName", "physicalType", "logicalTypeOptions", "relationships"),
    )
    facts = node.facts("customProperties")
    role = Role(facts.choice("role", frozenset(Role)))
    required, optional = _FACTS.get(role, (set(), set()))
    facts.only(required=("role", "dataClass", *sorted(required)), optional=tuple(optional))
    kind = Kind(node.choice("logicalType", _KINDS.get(role, (Kind.STRING,))))
    lower, upper = _bounds(facts) if role is Role.MEASURE else (None, None)
    return Column(
        name=node.text("name", NAME, "a-z, 0-9 and _"),
        role=role,
        kind=kind,
        data_class=facts.choice("dataClass", DATA_CLASSES),
        id_type=facts.choice("idType", ID_TYPES) if role in _IDENTIFIERS else None,
        links=role in _IDENTIFIERS and _links(facts, role),
        keys=text_items(facts, "keys", limit=MAX_KEYS) if facts.has("keys") else (),
        lower=lower,
        upper=upper,
        required=node.flag("required"),
        unit=facts.text("unit") if role is Role.MEASURE else "",
        limits=_limits(node, role, kind),
        refers_to=refers_to(node, role, kind),
        surrogates=Surrogates(facts.choice("surrogates", frozenset(Surrogates), Surrogates.NUMBERED)),
    )


def _limits(node: Node, role: Role, kind: Kind) -> Limits:
    if not node.has("logicalTypeOptions"):
        return Limits()
    options = Node.mapping(node.values["logicalTypeOptions"], f"{node.at}/logicalTypeOptions")
    if role is Role.FREE_TEXT and options.has("pattern"):
        raise ContractError("free text takes no pattern", at=options.place("pattern"))
    return parse_limits(options, kind, cap=longest(role))


def _bounds(facts: Node) -> tuple[int, int]:
    lower, upper = facts.integer("lower"), facts.integer("upper")
    if not -_INT64 <= lower < upper < _INT64:
        raise ContractError("lower must be below upper, both within 64 bits", at=facts.place("lower"))
    return lower, upper


def _links(facts: Node, role: Role) -> bool:
    links = facts.flag("links") if facts.has("links") else True
    if role is Role.SUBJECT_ID and not links:
        raise ContractError("a subject id always links: remove the fact", at=facts.place("links"))
    if links and facts.choice("idType", ID_TYPES) in _SHARED:
        raise ContractError("many people may share this: it cannot link", at=facts.place("links"))
    return links


def _check_columns(columns: tuple[Column, ...], at: str) -> None:
    seen: set[str] = set()
    for index, column in enumerate(columns):
        if column.name in seen:
            raise ContractError("two columns have this name", at=f"{at}/{index}/name", column=column.name)
        seen.add(column.name)
    subjects = [c for c in columns if c.role is Role.SUBJECT_ID]
    if len(subjects) != 1 or not subjects[0].required:
        raise ContractError("exactly one required column has role subject_id", at=at, found=len(subjects))
    for role in _ONCE:
        if sum(c.role is role for c in columns) > 1:
            raise ContractError(f"at most one column has role {role}", at=at)
    if all(c.role in _IDENTIFIERS for c in columns):
        raise ContractError("a table of identifiers alone holds nothing to store", at=at)
    if len(columns) > MAX_COLUMNS:
        raise ContractError("too many columns", at=at, limit=MAX_COLUMNS)
