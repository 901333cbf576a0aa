from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fakes.contract_documents import format_contract
from fakes.contracts import COLUMNS, make_document

from service.domain.odcs import canonical_json, parse_contract
from service.errors import ContractError

Document = dict[str, Any]


def _document() -> Document:
    return make_document()


def _column(document: Document, name: str) -> Document:
    properties: list[Document] = document["schema"][0]["properties"]
    return next(p for p in properties if p["name"] == name)


def _set(document: Document, column: str, fact: str, value: object) -> None:
    """Set, add or (with None) remove a privacy fact of a column."""
    facts: list[Document] = _column(document, column)["customProperties"]
    facts[:] = [f for f in facts if f["property"] != fact]
    if value is not None:
        facts.append({"property": fact, "value": value})


def test_a_contract_is_read_with_all_its_facts() -> None:
    contract = parse_contract(_document())

    assert contract.columns == COLUMNS
    assert contract.name == "contacts"
    assert contract.title == "Contacts"
    assert contract.subject.name == "mobile"
    assert contract.period is not None
    assert contract.period.name == "day"
    assert contract.purposes == ("service_improvement",)


def test_parse_and_format_are_inverse() -> None:
    document = _document()

    assert format_contract(parse_contract(document)) == document


def test_the_stored_json_gives_the_same_contract_again() -> None:
    contract = parse_contract(_document())

    assert parse_contract(json.loads(canonical_json(_document()))) == contract


def test_the_digest_does_not_depend_on_key_order_but_on_every_value() -> None:
    document = _document()
    reordered = dict(reversed(document.items()))
    changed = {**document, "description": {"purpose": "another"}}

    assert parse_contract(reordered).digest == parse_contract(document).digest
    assert parse_contract(changed).digest != parse_contract(document).digest


def _drop(key: str) -> Callable[[Document], None]:
    return lambda d: d.pop(key)


def _twice(document: Document) -> None:
    document["schema"][0]["properties"].append(_column(document, "text"))


def _fact_twice(document: Document) -> None:
    facts = _column(document, "text")["customProperties"]
    facts.append(facts[0])


def _rule(name: str, value: object) -> Callable[[Document], object]:
    return lambda d: d["customProperties"].append({"property": name, "value": value})


WRONG: dict[str, tuple[Callable[[Document], object], str]] = {
    "missing_top_key": (_drop("status"), "/"),
    "unknown_top_key": (lambda d: d.update(servers=[]), "/"),
    "old_version": (lambda d: d.update(apiVersion="v2.2.2"), "/apiVersion"),
    "number_as_version": (lambda d: d.update(version=1.0), "/version"),
    "other_kind": (lambda d: d.update(kind="DataProduct"), "/kind"),
    "no_table": (lambda d: d.update(schema=[]), "/schema"),
    "two_tables": (lambda d: d["schema"].append(d["schema"][0]), "/schema"),
    "table_name": (lambda d: d["schema"][0].update(name="Bad Name"), "/schema/0/name"),
    "unknown_column_key": (lambda d: _column(d, "day").update(primaryKey=True), "/schema/0/properties/1"),
    "column_twice": (_twice, "/schema/0/properties/5/name"),
    "fact_twice": (_fact_twice, "/schema/0/properties/4/customProperties/2"),
    "unknown_fact": (lambda d: _set(d, "day", "colour", "red"), "/schema/0/properties/1/customProperties"),
    "no_role": (lambda d: _set(d, "day", "role", None), "/schema/0/properties/1/customProperties"),
    "no_class": (lambda d: _set(d, "day", "dataClass", None), "/schema/0/properties/1/customProperties"),
    "unknown_role": (
        lambda d: _set(d, "day", "role", "secret"),
        "/schema/0/properties/1/customProperties/1/value",
    ),
    "unknown_class": (
        lambda d: _set(d, "day", "dataClass", "C9"),
        "/schema/0/properties/1/customProperties/1/value",
    ),
    "no_keys": (lambda d: _set(d, "channel", "keys", None), "/schema/0/properties/2/customProperties"),
    "empty_keys": (
        lambda d: _set(d, "channel", "keys", []),
        "/schema/0/properties/2/customProperties/2/value",
    ),
    "same_key_twice": (
        lambda d: _set(d, "channel", "keys", ["a", "a"]),
        "/schema/0/properties/2/customProperties/2/value/1",
    ),
    "unquoted_yes": (
        lambda d: _set(d, "channel", "keys", [True]),
        "/schema/0/properties/2/customProperties/2/value/0",
    ),
    "no_upper": (lambda d: _set(d, "amount", "upper", None), "/schema/0/properties/3/customProperties"),
    "crossed_bounds": (
        lambda d: _set(d, "amount", "lower", 100),
        "/schema/0/properties/3/customProperties/4/value",
    ),
    "float_bound": (
        lambda d: _set(d, "amount", "lower", 1.5),
        "/schema/0/properties/3/customProperties/4/value",
    ),
    "wide_bound": (
        lambda d: _set(d, "amount", "upper", 2**63),
        "/schema/0/properties/3/customProperties/2/value",
    ),
    "measure_of_text": (
        lambda d: _column(d, "amount").update(logicalType="string"),
        "/schema/0/properties/3/logicalType",
    ),
    "text_required": (lambda d: _column(d, "text").update(required="no"), "/schema/0/properties/4/required"),
    "unknown_id_type": (
        lambda d: _set(d, "mobile", "idType", "fax"),
        "/schema/0/properties/0/customProperties/3/value",
    ),
    "unlinked_subject": (
        lambda d: _set(d, "mobile", "links", value=False),
        "/schema/0/properties/0/customProperties/3/value",
    ),
    "name_as_subject": (
        lambda d: _set(d, "mobile", "idType", "name"),
        "/schema/0/properties/0/customProperties",
    ),
    "no_purpose": (lambda d: d["customProperties"].pop(0), "/customProperties"),
    "subjects_maybe": (lambda d: d["customProperties"][2].update(value="maybe"), "/customProperties/2/value"),
    "another_kind_of_limit": (
        lambda d: _column(d, "amount").update(logicalTypeOptions={"pattern": "a"}),
        "/schema/0/properties/3/logicalTypeOptions",
    ),
    "no_limits": (
        lambda d: _column(d, "amount").update(logicalTypeOptions={}),
        "/schema/0/properties/3/logicalTypeOptions",
    ),
    "crossed_limits": (
        lambda d: _column(d, "amount").update(logicalTypeOptions={"minimum": 2, "maximum": 1}),
        "/schema/0/properties/3/logicalTypeOptions/maximum",
    ),
    "no_such_day": (
        lambda d: _column(d, "day").update(logicalTypeOptions={"minimum": "2026-02-30"}),
        "/schema/0/properties/1/logicalTypeOptions/minimum",
    ),
    "pattern_of_free_text": (
        lambda d: _column(d, "text").update(logicalTypeOptions={"pattern": "a"}),
        "/schema/0/properties/4/logicalTypeOptions/pattern",
    ),
    "too_long_a_length": (
        lambda d: _column(d, "channel").update(logicalTypeOptions={"maxLength": 10_001}),
        "/schema/0/properties/2/logicalTypeOptions/maxLength",
    ),
    "unknown_surrogates": (
        lambda d: _set(d, "text", "surrogates", "open"),
        "/schema/0/properties/4/customProperties/2/value",
    ),
    "unique_identifier": (_rule("uniqueBy", ["mobile"]), "/customProperties/4/value"),
    "unique_unknown": (_rule("uniqueBy", ["nothing"]), "/customProperties/4/value"),
    "unique_free_text": (_rule("uniqueBy", ["text"]), "/customProperties/4/value"),
    "unordered_texts": (_rule("order", [["channel", "text"]]), "/customProperties/4/value/0"),
    "unordered_kinds": (_rule("order", [["day", "amount"]]), "/customProperties/4/value/0"),
    "order_of_one": (_rule("order", [["day"]]), "/customProperties/4/value/0"),
    "order_of_a_text": (_rule("order", ["day"]), "/customProperties/4/value/0"),
    "impossible_quality": (_rule("minimumQuality", 1001), "/customProperties/4/value"),
    "optional_subject": (lambda d: _column(d, "mobile").update(required=False), "/schema/0/properties"),
}


@pytest.mark.parametrize("name", WRONG)
def test_every_flaw_is_refused_with_its_place(name: str) -> None:
    spoil, at = WRONG[name]
    document = _document()
    spoil(document)

    with pytest.raises(ContractError) as refused:
        parse_contract(document)

    assert str(refused.value.fields["at"]).startswith(at)
    assert refused.value.reason


def test_a_contract_needs_exactly_one_subject_id() -> None:
    none, two = _document(), _document()
    none["schema"][0]["properties"].pop(0)
    second = dict(_column(two, "mobile"), name="other")
    two["schema"][0]["properties"].append(second)

    for document in (none, two):
        with pytest.raises(ContractError, match="subject_id"):
            parse_contract(document)


def test_a_contract_needs_something_to_store() -> None:
    document = _document()
    document["schema"][0]["properties"] = [_column(document, "mobile")]

    with pytest.raises(ContractError, match="nothing to store"):
        parse_contract(document)


def test_two_event_times_are_refused() -> None:
    document = _document()
    document["schema"][0]["properties"].append(dict(_column(document, "day"), name="other"))

    with pytest.raises(ContractError, match="event_time"):
        parse_contract(document)


def test_one_row_per_subject_needs_no_other_rule_of_uniqueness() -> None:
    document = _document()
    document["customProperties"][3]["value"] = True
    _rule("uniqueBy", ["day"])(document)

    with pytest.raises(ContractError, match="several rows"):
        parse_contract(document)


def test_values_of_the_document_do_not_appear_in_errors() -> None:
    document = _document()
    _set(document, "day", "role", "Zhang San 15400000001")

    with pytest.raises(ContractError) as refused:
        parse_contract(document)

    assert "15400000001" not in str(refused.value)


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ContractError, match="plain JSON"):
        parse_contract({**_document(), "tags": [float("nan")]})
